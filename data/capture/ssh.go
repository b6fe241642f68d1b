package main

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

func serveSSH(s *site) error {
	config := &ssh.ServerConfig{
		ServerVersion: "SSH-2.0-SampleServer_1.0",
		MaxAuthTries:  6,
		PasswordCallback: func(_ ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
			if strings.HasPrefix(string(password), "wrong") {
				return nil, errors.New("wrong password")
			}
			return nil, nil
		},
		PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			if key.Type() == ssh.KeyAlgoRSA { // as a key that nobody installed
				return nil, errors.New("unknown key")
			}
			return nil, nil
		},
		BannerCallback: func(c ssh.ConnMetadata) string {
			if strings.HasPrefix(c.User(), "admin") {
				return "Authorised users only.\n"
			}
			return ""
		},
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 3072)
	if err != nil {
		return err
	}
	for _, key := range []any{edKey, rsaKey} {
		signer, err := ssh.NewSignerFromKey(key)
		if err != nil {
			return err
		}
		config.AddHostKey(signer)
	}
	return s.serveEach(func(c net.Conn, d dice) {
		_, channels, requests, err := ssh.NewServerConn(c, config)
		if err != nil {
			return
		}
		go ssh.DiscardRequests(requests)
		for ch := range channels {
			if ch.ChannelType() != "session" {
				ch.Reject(ssh.UnknownChannelType, "sessions only")
				continue
			}
			channel, requests, err := ch.Accept()
			if err != nil {
				return
			}
			go serveSession(channel, requests, d)
		}
	})
}

// serveSession answers one "session" channel: a command's output, a sink or
// source of a file, or a shell that echoes keys.
func serveSession(c ssh.Channel, requests <-chan *ssh.Request, d dice) {
	for r := range requests {
		r.Reply(true, nil)
		switch r.Type {
		case "exec":
			var command struct{ Line string }
			ssh.Unmarshal(r.Payload, &command)
			var n int
			switch verb, _, _ := strings.Cut(command.Line, " "); verb {
			case "fetch":
				fmt.Sscanf(command.Line, "fetch %d", &n)
				c.Write(d.bytes(min(n, 1<<20)))
			case "store":
				io.Copy(io.Discard, c)
			default:
				d.pause(context.Background(), 10*time.Millisecond)
				c.Write(d.bytes(d.size(300, 1.2, 0, 12_000)))
			}
			c.SendRequest("exit-status", false, binary.BigEndian.AppendUint32(nil, 0))
			c.Close()
			return
		case "shell":
			go serveShell(c, d)
		}
	}
}

func serveShell(c ssh.Channel, d dice) {
	defer c.Close()
	prompt := d.word(d.between(3, 10)) + "@" + d.word(6) + ":~$ "
	io.WriteString(c, "Welcome.\r\n"+prompt)
	for in := bufio.NewReader(c); ; {
		key, err := in.ReadByte()
		if err != nil || key == 4 { // ctrl-D
			return
		}
		if key != '\r' {
			c.Write([]byte{key})
			continue
		}
		d.pause(context.Background(), 5*time.Millisecond)
		c.Write([]byte("\r\n" + d.word(d.size(120, 1.2, 0, 6000)) + "\r\n" + prompt))
	}
}

// sshSession logs in, now and then with the wrong key or password first, and
// runs a command, moves a file, or types in a shell.
func sshSession(ctx context.Context, c *client) error {
	conn, err := c.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	config, err := c.sshConfig()
	if err != nil {
		return err
	}
	client, channels, requests, err := ssh.NewClientConn(conn, c.address(), config)
	if err != nil {
		if strings.Contains(err.Error(), "unable to authenticate") {
			return nil // turned away, as planned
		}
		return err
	}
	shell := ssh.NewClient(client, channels, requests)
	defer shell.Close()
	switch p := c.Float64(); {
	case p < 0.4:
		for range c.between(1, 4) {
			if err := c.sshExec(shell, "run "+c.word(c.size(20, 0.8, 2, 300)), nil); err != nil {
				return err
			}
			c.pause(ctx, 30*time.Millisecond)
		}
		return nil
	case p < 0.55:
		return c.sshExec(shell, fmt.Sprintf("store %s", c.word(12)), c.bytes(c.size(12_000, 1, 200, 100_000)))
	case p < 0.7:
		return c.sshExec(shell, fmt.Sprintf("fetch %d", c.size(12_000, 1, 200, 100_000)), nil)
	default:
		return c.sshType(ctx, shell)
	}
}

func (c *client) sshConfig() (*ssh.ClientConfig, error) {
	config := &ssh.ClientConfig{
		User:            pick(c.dice, "root", "admin", "deploy", "user-"+c.word(c.between(1, 12))),
		ClientVersion:   "SSH-2.0-" + pick(c.dice, "Go", "SampleClient_9.6 build-"+c.word(5), "Agent"),
		HostKeyCallback: ssh.InsecureIgnoreHostKey(), // keys made a moment ago
	}
	if c.chance(0.5) {
		config.KeyExchanges = []string{ssh.KeyExchangeCurve25519, ssh.KeyExchangeECDHP256}
		config.Ciphers = pick(c.dice, []string{ssh.CipherAES128CTR}, []string{ssh.CipherAES256GCM, ssh.CipherAES128GCM}, []string{ssh.CipherChaCha20Poly1305})
	}
	if c.chance(0.3) {
		config.HostKeyAlgorithms = []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
	}
	var auth []ssh.AuthMethod
	switch p := c.Float64(); {
	case p < 0.5:
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return nil, err
		}
		signer, err := ssh.NewSignerFromKey(key)
		if err != nil {
			return nil, err
		}
		auth = append(auth, ssh.PublicKeys(signer))
	case p < 0.6: // an old key, then a password
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			return nil, err
		}
		signer, err := ssh.NewSignerFromKey(key)
		if err != nil {
			return nil, err
		}
		auth = append(auth, ssh.PublicKeys(signer), ssh.Password(c.word(c.between(6, 24))))
	case p < 0.68: // guesses
		auth = append(auth, ssh.RetryableAuthMethod(ssh.PasswordCallback(func() (string, error) {
			return "wrong" + c.word(c.between(1, 12)), nil
		}), c.between(1, 5)))
	default:
		auth = append(auth, ssh.Password(c.word(c.between(6, 24))))
	}
	config.Auth = auth
	return config, nil
}

// sshExec runs a command with data on its standard input.
func (c *client) sshExec(shell *ssh.Client, command string, data []byte) error {
	s, err := shell.NewSession()
	if err != nil {
		return err
	}
	defer s.Close()
	if c.chance(0.3) {
		s.Setenv("LANG", "en_GB.UTF-8")
	}
	if data != nil {
		s.Stdin = strings.NewReader(string(data))
	}
	_, err = s.Output(command)
	return err
}

// sshType types commands key by key.
func (c *client) sshType(ctx context.Context, shell *ssh.Client) error {
	s, err := shell.NewSession()
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.RequestPty("xterm-256color", c.between(24, 60), c.between(80, 200), ssh.TerminalModes{ssh.ECHO: 1}); err != nil {
		return err
	}
	in, err := s.StdinPipe()
	if err != nil {
		return err
	}
	out, err := s.StdoutPipe()
	if err != nil {
		return err
	}
	go io.Copy(io.Discard, out)
	if err := s.Shell(); err != nil {
		return err
	}
	for range c.between(1, 3) {
		for range c.between(2, 12) {
			c.pause(ctx, 40*time.Millisecond)
			if _, err := in.Write([]byte(c.word(1))); err != nil {
				return err
			}
		}
		if _, err := in.Write([]byte("\r")); err != nil {
			return err
		}
		c.pause(ctx, 60*time.Millisecond)
	}
	in.Write([]byte{4})
	s.Wait() // the server gives a closed shell no exit status
	return nil
}
