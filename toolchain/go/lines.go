package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
)

// An answer holds what a handler adds to `valid` and `error`.
type answer map[string]any

// A handler answers one question, a JSON object. The error is the server's reason to refuse.
type handler func(question []byte) (answer, error)

// answers decodes questions for a judge.
func answers[Question any](judge func(Question) (answer, error)) handler {
	return func(line []byte) (answer, error) {
		var question Question
		decoder := json.NewDecoder(bytes.NewReader(line))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&question); err != nil {
			log.Fatalf("%v: %s", err, line)
		}
		return judge(question)
	}
}

// A kind is the part that all questions share; questions embed it.
type kind struct {
	Kind string `json:"kind"`
}

// serve answers the lines of stdin in order. It writes answers out whenever no question waits.
func serve(handlers map[string]handler) {
	log.SetFlags(0)
	reader, writer := bufio.NewReaderSize(os.Stdin, 1<<16), bufio.NewWriter(os.Stdout)
	encoder := json.NewEncoder(writer)
	encoder.SetEscapeHTML(false)
	for {
		line, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return
		}
		var asked kind
		if err := json.Unmarshal(line, &asked); err != nil {
			log.Fatalf("%v: %s", err, line)
		}
		judge, known := handlers[asked.Kind]
		if !known {
			log.Fatalf("unknown kind %q", asked.Kind)
		}
		if err := encoder.Encode(ask(judge, line)); err != nil {
			log.Fatal(err)
		}
		if reader.Buffered() == 0 {
			if err := writer.Flush(); err != nil {
				log.Fatal(err)
			}
		}
	}
}

// ask returns the judge's answer with `valid` and `error`, and with `panic` if the server panics.
func ask(judge handler, line []byte) (given answer) {
	defer func() {
		if reason := recover(); reason != nil {
			given = answer{"valid": false, "error": fmt.Sprint(reason), "panic": true}
		}
	}()
	given, err := judge(line)
	if given == nil {
		given = answer{}
	}
	given["valid"], given["error"] = err == nil, ""
	if err != nil {
		given["error"] = err.Error()
	}
	return given
}
