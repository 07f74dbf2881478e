package doctest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Block is one block of code in a document.
type Block struct {
	Line int // of its first line
	Kind string
	Text string // with a newline at its end

	Terminal   string // of sh and text
	Exit       string // of sh: the code that its one command ends with; "" for 0
	AnyNumbers bool   // of text
	File       string // of go
	With       string // the module that it needs; "" for the root
}

// Blocks returns the blocks of a document, or an error that says which line
// nobody could follow.
func Blocks(document string) ([]Block, error) {
	var blocks []Block
	lines := strings.Split(document, "\n")
	for i := 0; i < len(lines); i++ {
		switch line := lines[i]; {
		case strings.HasPrefix(line, "```"):
			b, err := parseInfo(strings.TrimPrefix(line, "```"))
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", i+1, err)
			}
			length := slices.Index(lines[i+1:], "```")
			if length < 0 {
				return nil, fmt.Errorf("line %d: the block has no end", i+1)
			}
			b.Line, b.Text = i+2, strings.Join(lines[i+1:i+1+length], "\n")+"\n"
			below := len(blocks) > 0 && blocks[len(blocks)-1].Kind == "sh"
			if b.Kind == "text" && b.Terminal == "" && !below {
				return nil, fmt.Errorf("line %d: there is no command above that prints this", i+1)
			}
			blocks = append(blocks, b)
			i += length + 1
		case strings.Contains(line, "```") || strings.HasPrefix(line, "~~~"):
			return nil, fmt.Errorf("line %d: a fence begins a line, with ```", i+1)
		case strings.HasPrefix(line, "    ") && i > 0 && lines[i-1] == "":
			b := Block{Kind: "sh", Line: i + 1}
			for ; i < len(lines) && strings.HasPrefix(lines[i], "    "); i++ {
				b.Text += strings.TrimPrefix(lines[i], "    ") + "\n"
			}
			blocks = append(blocks, b)
		}
	}
	return blocks, nil
}

var (
	terminalName = regexp.MustCompile(`^[a-z]+$`)
	fileName     = regexp.MustCompile(`^([a-z]+/)*[a-z_]+\.go$`)
)

func parseInfo(info string) (Block, error) {
	words := strings.Fields(info)
	if len(words) == 0 {
		return Block{}, fmt.Errorf("the block says nothing of what it is")
	}
	b := Block{Kind: words[0]}
	for _, word := range words[1:] {
		name, value, _ := strings.Cut(word, "=")
		switch {
		case name == "with" && value != "":
			b.With = value
		case b.Kind == "sh" && name == "exit" && value != "":
			b.Exit = value
		case b.Kind == "text" && word == "any-numbers":
			b.AnyNumbers = true
		case (b.Kind == "sh" || b.Kind == "text") && b.Terminal == "" && terminalName.MatchString(word):
			b.Terminal = word
		case b.Kind == "go" && b.File == "" && fileName.MatchString(word):
			b.File = word
		default:
			return Block{}, fmt.Errorf("%q means nothing for a block of %s", word, b.Kind)
		}
	}
	switch {
	case b.Kind == "go" && b.File == "":
		return Block{}, fmt.Errorf("a block of go needs the name of its file")
	case !slices.Contains([]string{"sh", "text", "go", "nginx"}, b.Kind):
		return Block{}, fmt.Errorf("nobody follows a block of %s", b.Kind)
	}
	return b, nil
}
