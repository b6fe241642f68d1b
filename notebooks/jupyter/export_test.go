package jupyter

// Finish does to a notebook what Render does before it writes it.
func (n *Notebook) Finish(s Stamp) {
	n.normalise()
	n.setStamp(s)
}
