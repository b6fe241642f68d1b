package nb

import "github.com/janpfeifer/gonb/gonbui/protocol"

// Markdown shows text in Markdown, with formulas between dollar signs.
func Markdown(text string) {
	if !Here() {
		return
	}
	mustShow(bundle{data: map[protocol.MIMEType]any{
		protocol.MIMETextMarkdown: text,
		protocol.MIMETextPlain:    text,
	}})
}
