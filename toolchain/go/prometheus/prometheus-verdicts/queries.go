package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/template"
	"github.com/prometheus/prometheus/util/features"
)

// promqlParser is that of a server without feature flags.
var promqlParser = parser.NewParser(parser.Options{})

type textQuestion struct {
	kind
	Text string `json:"text"`
}

// judgeExpression answers an expression's type, its canonical text and its tree.
func judgeExpression(question textQuestion) (answer, error) {
	expression, err := promqlParser.ParseExpr(question.Text)
	if err != nil {
		return nil, err
	}
	return answer{
		"type":      expression.Type(),
		"canonical": expression.String(),
		"tree":      describe(expression),
	}, nil
}

// listFunctions answers what needs no feature flag: functions with their types, aggregators, and
// the functions of templates.
func listFunctions(kind) (answer, error) {
	functions := []answer{}
	for _, function := range slices.SortedFunc(maps.Values(parser.Functions), func(a, b *parser.Function) int {
		return cmp.Compare(a.Name, b.Name)
	}) {
		if !function.Experimental {
			functions = append(functions, answer{
				"name":      function.Name,
				"arguments": function.ArgTypes,
				"variadic":  function.Variadic,
				"returns":   function.ReturnType,
			})
		}
	}
	aggregators := []string{}
	for item, name := range parser.ItemTypeStr {
		if item.IsAggregator() && !item.IsExperimentalAggregator() {
			aggregators = append(aggregators, name)
		}
	}
	slices.Sort(aggregators)
	registry := features.NewRegistry()
	template.RegisterFeatures(registry)
	return answer{
		"functions":   functions,
		"aggregators": aggregators,
		"templates":   slices.Sorted(maps.Keys(registry.Get()[features.TemplatingFunctions])),
	}, nil
}

type regexQuestion struct {
	kind
	// Use is "matcher", which is the default, or "relabel", which is that of label_replace too.
	Use string `json:"use"`
	// Text is the pattern, without the anchors that Prometheus adds.
	Text string `json:"text"`
	// Values are texts to match.
	Values []string `json:"values"`
}

// judgeRegex answers which of the values a pattern matches.
func judgeRegex(question regexQuestion) (answer, error) {
	matches := make([]bool, len(question.Values))
	switch question.Use {
	case "", "matcher":
		matcher, err := labels.NewMatcher(labels.MatchRegexp, "label", question.Text)
		if err != nil {
			return nil, err
		}
		for i, value := range question.Values {
			matches[i] = matcher.Matches(value)
		}
	case "relabel":
		regex, err := relabel.NewRegexp(question.Text)
		if err != nil {
			return nil, err
		}
		for i, value := range question.Values {
			matches[i] = regex.MatchString(value)
		}
	default:
		return nil, fmt.Errorf("unknown use %q of a regular expression", question.Use)
	}
	return answer{"matches": matches}, nil
}

// judgeDuration answers the milliseconds of a duration in YAML, such as a rule's `for`.
func judgeDuration(question textQuestion) (answer, error) {
	duration, err := model.ParseDuration(question.Text)
	if err != nil {
		return nil, err
	}
	return answer{"milliseconds": time.Duration(duration).Milliseconds()}, nil
}
