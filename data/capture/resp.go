package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The key-value server uses RESP, the protocol of Redis: commands are arrays
// of strings, and any number may be sent before the first answer.

// store is what all connections share.
type store struct {
	sync.Mutex
	values map[string]string
	lists  map[string][]string
}

func serveRESP(s *site) error {
	db := &store{values: map[string]string{}, lists: map[string][]string{}}
	d := s.dice()
	for i := range 500 {
		db.values[fmt.Sprintf("item:%d", i)] = d.word(d.size(90, 1.2, 1, 9000))
		for range d.size(6, 1, 1, 60) {
			key := fmt.Sprintf("list:%d", i)
			db.lists[key] = append(db.lists[key], d.word(d.size(30, 0.7, 2, 400)))
		}
	}
	return s.serveEach(func(c net.Conn, d dice) {
		in, out := bufio.NewReader(c), bufio.NewWriter(c)
		for {
			command, err := readCommand(in)
			if err != nil {
				return
			}
			if d.chance(0.1) {
				d.pause(context.Background(), time.Millisecond)
			}
			out.WriteString(db.do(command))
			if in.Buffered() == 0 && out.Flush() != nil {
				return
			}
		}
	})
}

func readCommand(in *bufio.Reader) ([]string, error) {
	n, err := readCount(in, '*')
	if err != nil {
		return nil, err
	}
	command := make([]string, n)
	for i := range command {
		size, err := readCount(in, '$')
		if err != nil {
			return nil, err
		}
		b := make([]byte, size+2)
		if _, err := io.ReadFull(in, b); err != nil {
			return nil, err
		}
		command[i] = string(b[:size])
	}
	return command, nil
}

func readCount(in *bufio.Reader, kind byte) (int, error) {
	line, err := in.ReadString('\n')
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(strings.TrimSpace(line[1:]))
	if err != nil || line[0] != kind || n < 0 || n > 1<<20 {
		return 0, fmt.Errorf("want %c and a count, have %q", kind, line)
	}
	return n, nil
}

func bulk(s string, ok bool) string {
	if !ok {
		return "$-1\r\n"
	}
	return fmt.Sprintf("$%d\r\n%s\r\n", len(s), s)
}

func array(items []string) string {
	b := fmt.Sprintf("*%d\r\n", len(items))
	for _, s := range items {
		b += s
	}
	return b
}

// do carries out a command and returns the answer.
func (db *store) do(c []string) string {
	db.Lock()
	defer db.Unlock()
	if len(c) == 0 {
		return "-ERR empty command\r\n"
	}
	args := c[1:]
	switch name := strings.ToUpper(c[0]); {
	case name == "PING":
		return "+PONG\r\n"
	case name == "AUTH", name == "SELECT", name == "CLIENT":
		return "+OK\r\n"
	case name == "INFO":
		return bulk("# Server\r\n"+strings.Repeat("some_metric:12345\r\n", 40), true)
	case name == "GET" && len(args) == 1:
		v, ok := db.values[args[0]]
		return bulk(v, ok)
	case name == "SET" && len(args) >= 2:
		db.values[args[0]] = args[1]
		return "+OK\r\n"
	case name == "DEL" && len(args) == 1:
		_, ok := db.values[args[0]]
		delete(db.values, args[0])
		return fmt.Sprintf(":%d\r\n", map[bool]int{true: 1}[ok])
	case name == "INCR" && len(args) == 1:
		n, _ := strconv.Atoi(db.values[args[0]])
		db.values[args[0]] = itoa(n + 1)
		return fmt.Sprintf(":%d\r\n", n+1)
	case name == "MGET":
		var all []string
		for _, key := range args {
			v, ok := db.values[key]
			all = append(all, bulk(v, ok))
		}
		return array(all)
	case name == "LPUSH" && len(args) == 2:
		l := append([]string{args[1]}, db.lists[args[0]]...)
		db.lists[args[0]] = l[:min(len(l), 100)]
		return fmt.Sprintf(":%d\r\n", len(l))
	case name == "LRANGE" && len(args) == 3:
		n, _ := strconv.Atoi(args[2])
		var all []string
		for _, v := range db.lists[args[0]][:max(0, min(n+1, len(db.lists[args[0]])))] {
			all = append(all, bulk(v, true))
		}
		return array(all)
	}
	return "-ERR unknown command '" + c[0] + "'\r\n"
}

// respSession uses the store as a cache, a counter, a queue, or for bulk loads
// with many commands in one go.
func respSession(ctx context.Context, c *client) error {
	conn, err := c.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	say := func(commands ...[]string) error {
		var b strings.Builder
		for _, command := range commands {
			fmt.Fprintf(&b, "*%d\r\n", len(command))
			for _, word := range command {
				b.WriteString(bulk(word, true))
			}
		}
		if _, err := io.WriteString(conn, b.String()); err != nil {
			return err
		}
		for range commands {
			if err := skipAnswer(in); err != nil {
				return err
			}
		}
		return nil
	}
	if c.chance(0.4) {
		if err := say([]string{"AUTH", c.word(c.between(6, 30))}); err != nil {
			return err
		}
	}
	if c.chance(0.3) {
		if err := say([]string{"SELECT", itoa(c.IntN(16))}, []string{"CLIENT", "SETNAME", c.word(c.between(3, 20))}); err != nil {
			return err
		}
	}
	prefix := pick(c.dice, "", "", "app:", "tenant-7:cache:v2:")
	command := func() []string {
		item, list := fmt.Sprintf("item:%d", c.IntN(700)), fmt.Sprintf("list:%d", c.IntN(500))
		switch c.IntN(9) {
		case 0, 1, 2:
			return []string{"GET", item}
		case 3:
			return []string{"SET", prefix + item, c.word(c.size(90, 1.2, 1, 9000)), "EX", itoa(c.between(1, 3600))}
		case 4:
			return []string{"INCR", prefix + "hits:" + itoa(c.IntN(50))}
		case 5:
			keys := []string{"MGET"}
			for range c.between(2, 12) {
				keys = append(keys, fmt.Sprintf("item:%d", c.IntN(700)))
			}
			return keys
		case 6:
			return []string{"LPUSH", list, c.word(c.size(30, 0.7, 2, 400))}
		case 7:
			return []string{"LRANGE", list, "0", itoa(c.between(0, 40))}
		default:
			return pick(c.dice, []string{"PING"}, []string{"DEL", prefix + item}, []string{"INFO"})
		}
	}
	for range c.size(6, 0.8, 1, 40) {
		commands := [][]string{command()}
		if c.chance(0.2) {
			for range c.between(2, 30) {
				commands = append(commands, command())
			}
		}
		if err := say(commands...); err != nil {
			return err
		}
		c.pause(ctx, 4*time.Millisecond)
	}
	return nil
}

// skipAnswer reads one answer to its end.
func skipAnswer(in *bufio.Reader) error {
	line, err := in.ReadString('\n')
	if err != nil {
		return err
	}
	n, _ := strconv.Atoi(strings.TrimSpace(line[1:]))
	switch line[0] {
	case '$':
		if n >= 0 {
			_, err = in.Discard(n + 2)
		}
	case '*':
		for range n {
			if err := skipAnswer(in); err != nil {
				return err
			}
		}
	}
	return err
}
