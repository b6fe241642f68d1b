package payload

import (
	"fmt"
	"strings"
)

func init() {
	streamForms[HTTP] = form{least: [2]int{60, 60}, first: [2]int{60, 60}, message: httpMessage}
	streamForms[SMTP] = form{serverFirst: true, least: [2]int{8, 8}, first: [2]int{8, 8}, message: smtpMessage}
	streamForms[RESP] = form{least: [2]int{3, 3}, first: [2]int{3, 3}, message: respMessage}
}

// httpHost is the name in a Host header; what a request of 60 bytes has room for.
func httpHost(name string, size int) string {
	if len(name) > size-len("GET / HTTP/1.1\r\nHost: \r\n\r\n") {
		return "a.example"
	}
	return name
}

func httpMessage(s *stream, up bool, i, size int) []part {
	if !up {
		const head = "HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: text/plain\r\nContent-Length: %08d\r\n\r\n"
		if n := len(fmt.Sprintf(head, 0)); size >= n {
			return []part{{head: fmt.Appendf(nil, head, size-n), body: size - n, text: true}}
		}
		const bare = "HTTP/1.1 204 No Content\r\nETag: %s\r\n\r\n"
		return []part{{head: fmt.Appendf(nil, bare, word(s.r, size-len(bare)+2))}}
	}
	host := httpHost(s.name, size)
	if size > 1000 {
		head := fmt.Sprintf("POST /%s HTTP/1.1\r\nHost: %s\r\nAccept: */*\r\nContent-Type: text/plain\r\nContent-Length: %%08d\r\n\r\n", word(s.r, 8), host)
		n := len(fmt.Sprintf(head, 0))
		return []part{{head: fmt.Appendf(nil, head, size-n), body: size - n, text: true}}
	}
	rest := fmt.Sprintf(" HTTP/1.1\r\nHost: %s\r\n\r\n", host)
	for _, longer := range []string{
		fmt.Sprintf(" HTTP/1.1\r\nHost: %s\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\nAccept: */*\r\nConnection: keep-alive\r\n\r\n", host),
		fmt.Sprintf(" HTTP/1.1\r\nHost: %s\r\nUser-Agent: curl/8.14.1\r\nAccept: */*\r\n\r\n", host),
	} {
		if len(longer)+len("GET /") < size {
			rest = longer
			break
		}
	}
	path := size - len("GET /") - len(rest)
	cookie := ""
	if path > 80 { // a cookie takes what a path does not
		const field = "\r\nCookie: id="
		if n := path - 40 - len(field); n > 0 {
			cookie, path = field+word(s.r, n), 40
			rest = strings.Replace(rest, "\r\n\r\n", cookie+"\r\n\r\n", 1)
		}
	}
	return []part{{head: []byte("GET /" + word(s.r, path) + rest)}}
}

func smtpMessage(s *stream, up bool, i, size int) []part {
	first, other := "250 ", "250-"
	if up {
		first, other = "NOOP ", "NOOP "
		if i == 0 {
			first = "EHLO "
		}
	} else if i == 0 {
		first, other = "220 ", "220-"
	}
	const longest, shortest = 500, 8
	var b []byte
	for size > 0 {
		n := min(size, longest)
		if rest := size - n; rest > 0 && rest < shortest {
			n -= shortest
		}
		start := other
		if size == n && !up || up && len(b) == 0 { // the last line of an answer; the command
			start = first
		}
		line := start + word(s.r, n-len(start)-2) + "\r\n"
		b = append(b, line[len(line)-min(n, len(line)):]...)
		size -= n
	}
	return []part{{head: b}}
}

func respMessage(s *stream, up bool, i, size int) []part {
	const bulk = "$%d\r\n"
	begin := ""
	if up {
		begin = "*1\r\n"
	}
	for n := size - len(begin) - 5; n > max(8, size-len(begin)-16); n-- {
		head := begin + fmt.Sprintf(bulk, n)
		if len(head)+n+2 == size {
			return []part{{head: []byte(head), body: n, text: true, tail: "\r\n"}}
		}
	}
	if size < 3 {
		return []part{{head: []byte("+OK")[:size]}}
	}
	return []part{{head: []byte("+" + word(s.r, size-3) + "\r\n")}}
}
