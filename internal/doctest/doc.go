// Package doctest follows documents as their readers would: it types the
// commands into a shell, writes the files, and compares what is printed with
// what the document shows. A document that passes is true, to the last block of
// it.
//
// A block of a document is one of these, by the words behind its fence; the
// first word is all that is rendered:
//
//	sh [TERMINAL] [exit=N]
//		Commands for a terminal. The first terminal has no name. One with a
//		name is opened in the same folder, for what goes on running.
//	text [TERMINAL] [any-numbers]
//		What the commands above print, all of it; or what the terminal of that
//		name prints at some time, which is waited for. ... stands for any part
//		of a line or, alone on one, for any lines. With any-numbers each
//		number stands for any other.
//	go FILE
//		A file to write, below the first terminal's current folder. A command
//		behind it has to compile it.
//	nginx
//		A server block of its configuration. A test of what stands behind that
//		server runs it.
//
// with=MODULE beside them is for what needs more than the root module: a test
// in that module, a folder of this repository, follows those blocks, and the
// root's test follows the others. An indented block is sh. Anything else is an
// error.
package doctest
