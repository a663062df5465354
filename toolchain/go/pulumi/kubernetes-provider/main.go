// The official Kubernetes provider. Its own main package embeds generated files that its Go module
// lacks; this one embeds the two that the module has. The build lays them beside this file.
package main

import (
	_ "embed"
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
func dieWithEngine() {
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(1)
}
