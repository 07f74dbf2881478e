// Command program stands for any program that the command runs: it prints, as
// JSON, what it was given, with the files of gh's configuration, and ends as PROGRAM_EXIT says or, with PROGRAM_WAIT,
// at a signal.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
)

func main() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	if os.Getenv("PROGRAM_WAIT") != "" {
		fmt.Println(os.Getpid())
		fmt.Println((<-signals).String())
		os.Exit(7)
	}
	stdin, err := io.ReadAll(os.Stdin)
	config := map[string]string{}
	for _, name := range []string{"config.yml", "hosts.yml"} {
		if content, err := os.ReadFile(filepath.Join(os.Getenv("GH_CONFIG_DIR"), name)); err == nil {
			config[name] = string(content)
		}
	}
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(map[string]any{
			"args": os.Args, "env": os.Environ(), "stdin": string(stdin), "config": config,
		})
	}
	if err != nil {
		panic(err)
	}
	code, _ := strconv.Atoi(os.Getenv("PROGRAM_EXIT"))
	os.Exit(code)
}
