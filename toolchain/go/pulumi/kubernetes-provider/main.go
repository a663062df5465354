// The official Kubernetes provider. Its own main package embeds generated files that its Go module
// lacks; this one embeds the two that the module has. The build lays them beside this file.
package main

import (
	_ "embed"
	"fmt"
	"io"
	"os"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version"
)

//go:embed schema.json
var schema []byte

//go:embed terraform-mapping.json
var terraformMapping []byte

func main() {
	go dieWithEngine()
	provider.Serve("kubernetes", version.Version, schema, terraformMapping)
}

// dieWithEngine ends this process when the engine's end of standard input closes, however the
// engine ended. Otherwise a provider whose engine was killed would live until it next writes to
// its output: the context that its health check of the engine cancels is not the server's.
// The engine gives a pipe; any other standard input, such as /dev/null, says nothing about it.
func dieWithEngine() {
	input, err := os.Stdin.Stat()
	if err != nil || input.Mode()&os.ModeNamedPipe == 0 {
		return
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	_, _ = fmt.Fprintln(os.Stderr, "pulumi-resource-kubernetes: the engine has ended, so this ends.")
	os.Exit(1)
}
