// Command prometheus-verdicts answers what this version of Prometheus thinks of queries, rule files, templates
// and configurations. It reads one JSON object a line and writes one JSON object a line.
package main

import "github.com/prometheus/common/model"

func main() {
	// As cmd/prometheus sets it.
	model.NameValidationScheme = model.UTF8Validation //nolint:staticcheck // the server does so
	serve(map[string]handler{
		"config":    answers(judgeConfig),
		"duration":  answers(judgeDuration),
		"evaluate":  answers(judgeEvaluation),
		"expr":      answers(judgeExpression),
		"functions": answers(listFunctions),
		"regex":     answers(judgeRegex),
		"rulefile":  answers(judgeRuleFile),
		"template":  answers(judgeTemplate),
	})
}
