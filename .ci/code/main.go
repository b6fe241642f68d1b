// Command code measures and checks the code of this module.
//
//	go run ./.ci/code counts [-names] [folder]
//	go run ./.ci/code dead
//	go run ./.ci/code types system/processor...
//	go run ./.ci/code licences [check]
//	go run ./.ci/code sbom
//
// counts prints the table of docs/decisions.md: packages, exported names, branches
// on the kind of model, lines of Go, and functions that nothing reaches. The folder
// is the root of a checkout, by default the present one, so that an old commit is
// counted by the same rules:
//
//	git archive 9e55725 --prefix=before/ | tar -x -C /tmp
//	go run ./.ci/code counts /tmp/before
//
// dead fails where a function is reached by no program and no notebook, but by
// tests at most, and .ci/dead-allowed.txt does not say why it stays.
//
// licences writes docs/licences.md and docs/licences-beam.md, the modules linked into the
// programs with their licences, or checks that they are as they would be written; sbom prints
// those of netdiffus in CycloneDX.
//
// types checks what does not need XLA for other systems, without C.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
)

func main() {
	log.SetFlags(0)
	flags := flag.NewFlagSet("counts", flag.ExitOnError)
	names := flags.Bool("names", false, "list the names, branches and functions that are counted")
	verb := ""
	if len(os.Args) > 1 {
		verb = os.Args[1]
		flags.Parse(os.Args[2:])
	}
	dir := "."
	if verb == "counts" && flags.NArg() > 0 {
		dir = flags.Arg(0)
	}
	var err error
	switch verb {
	case "counts":
		err = printCounts(dir, *names)
	case "dead":
		err = checkDead(".ci/dead-allowed.txt")
	case "types":
		for _, target := range flags.Args() {
			fmt.Printf("        %s\n", target)
			if err = checkTypes(target); err != nil {
				break
			}
		}
	case "licences":
		err = printLicences(flags.Arg(0) == "check")
	case "sbom":
		err = printBill()
	default:
		log.Fatal("usage: go run ./.ci/code counts [-names] [folder] | dead | types system/processor... | licences [check] | sbom")
	}
	if err != nil {
		log.Fatal(err)
	}
}
