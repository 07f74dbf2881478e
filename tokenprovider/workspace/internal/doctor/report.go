package doctor

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/process"
)

// status is how a check ended, the worst last.
type status int

const (
	statusOK      status = iota
	statusSkipped        // what it needs is wrong already
	statusWarning        // works, and may not for long or not for everybody
	statusError
)

var statusNames = [...]string{"ok", "skipped", "warning", "error"}

// statusColors are sequences for terminals (ECMA-48): green, grey, yellow, red.
var statusColors = [...]string{"\x1b[32m", "\x1b[90m", "\x1b[33m", "\x1b[31m"}

const colorOff = "\x1b[0m"

// finding is what a check has to say: what is, or what is wrong and what to do
// about it.
type finding struct {
	status  status
	message string
}

func ok(format string, args ...any) finding {
	return finding{statusOK, fmt.Sprintf(format, args...)}
}

func warn(format string, args ...any) finding {
	return finding{statusWarning, fmt.Sprintf(format, args...)}
}

func wrong(format string, args ...any) finding {
	return finding{statusError, fmt.Sprintf(format, args...)}
}

func skipped(format string, args ...any) finding {
	return finding{statusSkipped, fmt.Sprintf(format, args...)}
}

// worst returns several findings as one: the status of the worst, and what all
// that have it say.
func worst(found []finding) finding {
	all := slices.MaxFunc(found, func(a, b finding) int { return cmp.Compare(a.status, b.status) })
	var messages []string
	for _, f := range found {
		if f.status == all.status && f.message != "" && !slices.Contains(messages, f.message) {
			messages = append(messages, f.message)
		}
	}
	all.message = strings.Join(messages, "; ")
	return all
}

// report is what doctor --json prints; the documentation of package workspace
// describes it.
type report struct {
	OK     bool         `json:"ok"`
	Checks []reportLine `json:"checks"`
}

type reportLine struct {
	Name    string `json:"name"`
	Status  string `json:"status"`
	Message string `json:"message"`
	color   string
}

// add adds what the check of that name found.
func (r *report) add(name string, f finding) reportLine {
	line := reportLine{
		Name: name, Status: statusNames[f.status], color: statusColors[f.status],
		Message: process.Line(f.message), // file names and settings may hold anything
	}
	r.Checks = append(r.Checks, line)
	r.OK = r.OK && f.status != statusError
	return line
}

// print prints r as JSON.
func (r report) print(p *process.Process) {
	encoder := json.NewEncoder(p.Stdout)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(r)
}

// print prints l for a person: in colours if standard output is a terminal that
// shows them to somebody who wants them (no-color.org).
func (l reportLine) print(p *process.Process) {
	status := fmt.Sprintf("%-7s", l.Status)
	if process.IsTerminal(p.Stdout) && p.Env("NO_COLOR") == "" && p.Env("TERM") != "dumb" {
		status = l.color + status + colorOff
	}
	fmt.Fprintf(p.Stdout, "%s  %-14s  %s\n", status, l.Name, l.Message)
}
