//go:build !linux

package main

import "os/exec"

func nameHost(*exec.Cmd, string) {}
func canHideHost() bool          { return false }
func hostileHost() error         { return nil }
func limitFiles() error          { return nil }
