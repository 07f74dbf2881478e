//go:build !unix

package workspace

import (
	"os"
	"os/exec"
	"os/signal"
)

// replaceProcess returns only when the program can't be started: where no process can become another program, it waits
// for the program's end and ends the same way. An interrupt from the terminal reaches both, and is the program's.
func replaceProcess(path string, argv, environ []string) error {
	signal.Notify(make(chan os.Signal, 1), os.Interrupt)
	child := &exec.Cmd{Path: path, Args: argv, Env: environ, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
	err := child.Run()
	if child.ProcessState != nil {
		os.Exit(child.ProcessState.ExitCode())
	}
	return err
}
