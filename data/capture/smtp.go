package main

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strings"
	"time"
)

func serveSMTP(s *site) error {
	return s.serveEach(func(c net.Conn, d dice) {
		text := textproto.NewConn(c)
		d.pause(context.Background(), 5*time.Millisecond)
		host := d.word(d.between(2, 10)) + ".mail.example.com"
		text.PrintfLine("220 %s ESMTP %s", host, d.word(d.between(0, 30)))
		for {
			line, err := text.ReadLine()
			if err != nil {
				return
			}
			verb, _, _ := strings.Cut(strings.ToUpper(line), " ")
			switch verb {
			case "EHLO":
				extensions := []string{"PIPELINING", "SIZE " + itoa(d.between(1_000_000, 90_000_000)), "8BITMIME", "AUTH PLAIN LOGIN", "STARTTLS", "ENHANCEDSTATUSCODES", "SMTPUTF8", "DSN", "CHUNKING"}
				text.PrintfLine("250-%s greets you", host)
				for _, e := range extensions[:d.between(5, len(extensions)-1)] {
					text.PrintfLine("250-%s", e)
				}
				text.PrintfLine("250 HELP")
			case "STARTTLS":
				text.PrintfLine("220 go ahead")
				over := tls.Server(c, s.tls)
				if over.Handshake() != nil {
					return
				}
				text = textproto.NewConn(over)
			case "AUTH":
				d.pause(context.Background(), 10*time.Millisecond)
				text.PrintfLine("235 2.7.0 authenticated")
			case "MAIL", "RSET", "NOOP":
				text.PrintfLine("250 2.1.0 ok")
			case "RCPT":
				if strings.Contains(line, "nobody") {
					text.PrintfLine("550 5.1.1 no such mailbox here, check the address for typing errors")
				} else {
					text.PrintfLine("250 2.1.5 ok")
				}
			case "DATA":
				text.PrintfLine("354 end with a dot on a line of its own")
				if _, err := io.Copy(io.Discard, text.DotReader()); err != nil {
					return
				}
				d.pause(context.Background(), 12*time.Millisecond)
				text.PrintfLine("250 2.0.0 queued as %s", d.word(d.between(8, 14)))
			case "QUIT":
				text.PrintfLine("221 2.0.0 bye")
				return
			default:
				text.PrintfLine("502 5.5.2 what?")
			}
		}
	})
}

// smtpSession hands in one mail or several, some over TLS, some after a login,
// some to addresses that do not exist.
func smtpSession(ctx context.Context, c *client) error {
	conn, err := c.dial(ctx)
	if err != nil {
		return err
	}
	defer func() { conn.Close() }()
	text := textproto.NewConn(conn)
	if _, _, err := text.ReadResponse(220); err != nil {
		return err
	}
	// say sends a command and reads its answer; refused is no error.
	say := func(format string, args ...any) (code int, err error) {
		if err := text.PrintfLine(format, args...); err != nil {
			return 0, err
		}
		code, _, err = text.ReadResponse(0)
		if _, refused := err.(*textproto.Error); refused {
			err = nil
		}
		return code, err
	}
	hello := "EHLO " + c.word(c.between(3, 20)) + ".example.org"
	if _, err := say("%s", hello); err != nil {
		return err
	}
	if c.chance(0.4) {
		if _, err := say("STARTTLS"); err != nil {
			return err
		}
		conn = tls.Client(conn, c.tlsConfig())
		text = textproto.NewConn(conn)
		if _, err := say("%s", hello); err != nil {
			return err
		}
	}
	if c.chance(0.4) {
		token := base64.StdEncoding.EncodeToString([]byte("\x00" + c.word(c.between(5, 25)) + "\x00" + c.word(c.between(8, 30))))
		if _, err := say("AUTH PLAIN %s", token); err != nil {
			return err
		}
	}
	for i := range c.size(1, 0.6, 1, 4) {
		if i > 0 {
			c.pause(ctx, 30*time.Millisecond)
		}
		if err := c.mail(text, say); err != nil {
			return err
		}
	}
	_, err = say("QUIT")
	return err
}

func (c *client) mail(text *textproto.Conn, say func(string, ...any) (int, error)) error {
	envelope := []string{fmt.Sprintf("MAIL FROM:<%s@%s.example.com>", c.word(c.between(2, 18)), c.word(c.between(2, 9)))}
	for range c.size(1, 0.7, 1, 8) {
		to := c.word(c.between(2, 18))
		if c.chance(0.06) {
			to = "nobody"
		}
		envelope = append(envelope, fmt.Sprintf("RCPT TO:<%s@example.net>", to))
	}
	accepted := 0
	if c.chance(0.3) { // all at once
		if _, err := io.WriteString(text.W, strings.Join(envelope, "\r\n")+"\r\n"); err != nil {
			return err
		}
		if err := text.W.Flush(); err != nil {
			return err
		}
		for range envelope {
			code, _, err := text.ReadResponse(0)
			if _, refused := err.(*textproto.Error); err != nil && !refused {
				return err
			}
			if code < 400 {
				accepted++
			}
		}
	} else {
		for _, command := range envelope {
			code, err := say("%s", command)
			if err != nil {
				return err
			}
			if code < 400 {
				accepted++
			}
		}
	}
	if accepted < 2 { // no recipient
		_, err := say("RSET")
		return err
	}
	if _, err := say("DATA"); err != nil {
		return err
	}
	body := text.DotWriter()
	fmt.Fprintf(body, "From: %s\r\nSubject: %s\r\nMessage-ID: <%s@example.com>\r\nMIME-Version: 1.0\r\n\r\n", c.word(20), c.word(c.between(0, 70)), c.word(24))
	for left := c.size(1800, 1.3, 1, 60_000); left > 0; left -= 76 {
		fmt.Fprintf(body, "%s\r\n", c.word(min(left, 76)))
	}
	if err := body.Close(); err != nil {
		return err
	}
	_, _, err := text.ReadResponse(250)
	return err
}
