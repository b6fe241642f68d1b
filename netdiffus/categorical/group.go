package categorical

import (
	"slices"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/support/exceptions"
)

// group is the part of a batch whose classes are computed together, as if each had as many
// images, and as many atoms at each place, as the largest of them.
type group struct {
	tables  tables
	members []member // by number
	batch   int      // images of the whole batch
}

// member is a class's images in a batch.
type member struct{ class, from, count int }

// leastImages is how many images a class is computed with at least: the products for one alone
// are of a vector with a matrix, for which XLA makes code of its own at each place.
const leastImages = 2

// groups divides a batch's classes, but for those without images. A base from outside of this
// package is given each class by itself.
func (m Model) groups(x *Node) []group {
	if len(m.Groups) != len(m.Prior.Classes) {
		exceptions.Panicf("categorical: groups for %d classes, the prior has %d", len(m.Groups), len(m.Prior.Classes))
	}
	var members []member
	var sizes []size
	batch := 0
	for c, count := range m.Groups {
		if count > 0 {
			members = append(members, member{c, batch, count})
			sizes = append(sizes, sizeOf(m.Prior.Classes[c], count))
		}
		batch += count
	}
	if batch != x.Shape().Dim(0) {
		exceptions.Panicf("categorical: groups of %d images in all, a batch of %d", batch, x.Shape().Dim(0))
	}
	numbers, least := make([][]int, len(members)), 0
	for i := range numbers {
		numbers[i] = []int{i}
	}
	if _, ours := m.base().(ownBase); ours {
		numbers, least = alike(sizes), leastImages
	}
	var groups []group
	for _, of := range numbers {
		g := group{batch: batch}
		var classes []ClassPrior
		images := least
		for _, i := range of {
			g.members = append(g.members, members[i])
			classes = append(classes, m.Prior.Classes[members[i].class])
			images = max(images, members[i].count)
		}
		g.tables = newTables(x.Graph(), classes, images)
		groups = append(groups, g)
	}
	return groups
}

// whole reports whether the group's part of a batch is the batch as it is.
func (g group) whole() bool {
	images := 0
	for _, m := range g.members {
		if m.count != g.tables.images {
			return false
		}
		images += m.count
	}
	return images == g.batch
}

// of is the group's part of a batch's node [N,…]: [B,…], zeros for the images that a class lacks.
func (g group) of(x *Node) *Node {
	if g.whole() {
		return x
	}
	var rows []*Node
	for _, m := range g.members {
		own := SliceAxis(x, 0, AxisRange(m.from, m.from+m.count))
		if lacking := g.tables.images - m.count; lacking > 0 {
			own = GrowRight(own, 0, lacking, 0)
		}
		rows = append(rows, own)
	}
	return Concatenate(rows, 0)
}

// joined is a batch's node [N,…] of its groups' parts [B,…].
func joined(groups []group, parts []*Node) *Node {
	if groups[0].whole() {
		return parts[0]
	}
	type run struct {
		from int
		rows *Node
	}
	var runs []run
	for k, g := range groups {
		for i, m := range g.members {
			at := i * g.tables.images
			runs = append(runs, run{m.from, SliceAxis(parts[k], 0, AxisRange(at, at+m.count))})
		}
	}
	slices.SortFunc(runs, func(a, b run) int { return a.from - b.from })
	var rows []*Node
	for _, r := range runs {
		rows = append(rows, r.rows)
	}
	return Concatenate(rows, 0)
}

// size is that of classes which are computed together.
type size struct {
	classes, images int
	widths          [][]int // by channel, the most atoms of each place
}

func sizeOf(c ClassPrior, images int) size {
	s := size{classes: 1, images: images}
	for _, channel := range append([]ClassPrior{c}, c.Conditional...) {
		var widths []int
		for j := range channel.Middles {
			widths = append(widths, channel.atoms(j))
		}
		s.widths = append(s.widths, widths)
	}
	return s
}

// with is the size of both together.
func (s size) with(other size) size {
	both := size{classes: s.classes + other.classes, images: max(s.images, other.images)}
	for i, widths := range s.widths {
		row := slices.Clone(widths)
		for j, w := range other.widths[i] {
			row[j] = max(row[j], w)
		}
		both.widths = append(both.widths, row)
	}
	return both
}

const (
	matrixReads = 8   // images' worth of arithmetic that it costs to read a matrix
	elementwise = 256 // multiplications' worth of what is computed for each atom of an image
)

// cost is the arithmetic, in multiplications of the products.
func (s size) cost() int {
	products, atoms := 0, 0
	first := s.widths[0]
	n, widest := len(first), slices.Max(first)
	for i, widths := range s.widths {
		most := slices.Max(widths)
		atoms += n * most
		switch {
		case i > 0: // the matrix of each place given the first channel
			products += n * widest * most
		case n > longest:
			products += (n - 1) * most * most
		default:
			for j := range n - 1 {
				products += widths[j] * widths[j+1]
			}
		}
	}
	return s.classes * ((s.images+matrixReads)*products + elementwise*s.images*atoms)
}

// What computing classes together may cost: so many multiplications for each class that joins
// others, which take no longer than the operations that it saves, and a share of what all cost
// by themselves.
const (
	joinCost   = 1 << 23
	spareShare = 0.1
)

// alike divides classes, by their numbers. XLA compiles each operation by itself, so that the
// time for it grows with the number of groups; and each costs time at every step. The two that
// cost least together are joined, as long as there is something to spare.
func alike(sizes []size) (groups [][]int) {
	spare := 0.0
	for i, s := range sizes {
		groups = append(groups, []int{i})
		spare += spareShare * float64(s.cost())
	}
	sizes = slices.Clone(sizes)
	for len(groups) > 1 {
		least, first, second := 0, -1, -1
		for i, a := range sizes {
			for j, b := range sizes[:i] {
				if more := b.with(a).cost() - a.cost() - b.cost(); first < 0 || more < least {
					least, first, second = more, j, i
				}
			}
		}
		if beyond := float64(least - joinCost); beyond > 0 {
			if beyond > spare {
				break
			}
			spare -= beyond
		}
		groups[first] = append(groups[first], groups[second]...)
		sizes[first] = sizes[first].with(sizes[second])
		groups, sizes = slices.Delete(groups, second, second+1), slices.Delete(sizes, second, second+1)
	}
	for _, g := range groups {
		slices.Sort(g)
	}
	return groups
}
