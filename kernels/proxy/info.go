package proxy

import (
	"runtime"
	"strings"
)

// kernelInfo is the content of a kernel_info_reply.
type kernelInfo struct {
	Status            string       `json:"status"`
	Protocol          string       `json:"protocol_version"`
	Implementation    string       `json:"implementation"`
	Version           string       `json:"implementation_version"`
	Language          languageInfo `json:"language_info"`
	Banner            string       `json:"banner"`
	Debugger          bool         `json:"debugger"`
	SupportedFeatures []string     `json:"supported_features"`
	HelpLinks         []helpLink   `json:"help_links"`
}

type languageInfo struct {
	Name          string `json:"name"`
	Version       string `json:"version"`
	MIMEType      string `json:"mimetype"`
	FileExtension string `json:"file_extension"`
	Pygments      string `json:"pygments_lexer"`
	CodeMirror    string `json:"codemirror_mode"`
	NBConvert     string `json:"nbconvert_exporter"`
}

type helpLink struct {
	Text string `json:"text"`
	URL  string `json:"url"`
}

// language is the part of kernel_info about Go.
var language = languageInfo{
	Name: "go", Version: strings.TrimPrefix(runtime.Version(), "go"), MIMEType: "text/x-go", FileExtension: ".go",
	Pygments: "go", CodeMirror: "go", NBConvert: "",
}
