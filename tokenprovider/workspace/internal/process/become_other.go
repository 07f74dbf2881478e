//go:build !unix

package process

import (
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

// Replace stands for the place of the real process where no process can become
// another program: it waits for the program's end and ends the same way. It
// returns only when the program can't be started. An interrupt from the
// terminal reaches both processes, and is the program's.
func Replace(path string, argv, environ []string) error {
	signal.Notify(make(chan os.Signal, 1), os.Interrupt)
	child := &exec.Cmd{
		Path: path, Args: argv, Env: environ,
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
	}
	err := child.Run()
	if child.ProcessState != nil {
		os.Exit(child.ProcessState.ExitCode())
	}
	return err
}

// endBy does nothing: no signal ends a process here.
func endBy(syscall.Signal) {}
