package main

import (
	"cmp"
	"context"
	"maps"
	"net/url"
	"strconv"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/template"
)

// definitions are what rules.AlertingRule puts before the text of a label or annotation.
const definitions = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}" +
	"{{$externalURL := .ExternalURL}}{{$value := .Value}}"

type templateQuestion struct {
	kind
	Text string `json:"text"`
	// Alert is the alert's name.
	Alert  string            `json:"alert"`
	Labels map[string]string `json:"labels"`
	// Value is the alert's value as text, such as "0.25" or "NaN"; "1" if it is empty.
	Value          string            `json:"value"`
	ExternalLabels map[string]string `json:"external_labels"`
	ExternalURL    string            `json:"external_url"`
	// Series are what the function `query` finds.
	Series []seriesQuestion `json:"series"`
}

// judgeTemplate answers the expansion of an alert's label or annotation, and whether it `parses`:
// the server refuses a rule file for that alone.
func judgeTemplate(question templateQuestion) (answer, error) {
	value, err := strconv.ParseFloat(cmp.Or(question.Value, "1"), 64)
	if err != nil {
		return nil, err
	}
	external, err := url.Parse(question.ExternalURL)
	if err != nil {
		return nil, err
	}
	store, err := newStore(question.Series, time.Minute)
	if err != nil {
		return nil, err
	}
	query := rules.EngineQueryFunc(newEngine(time.Minute), store)
	// The server's maps are never nil.
	labels, externalLabels := map[string]string{}, map[string]string{}
	maps.Copy(labels, question.Labels)
	maps.Copy(externalLabels, question.ExternalLabels)
	data := template.AlertTemplateData(labels, externalLabels, external.String(), promql.Sample{F: value})
	expander := template.NewTemplateExpander(
		context.Background(), definitions+question.Text, "__alert_"+question.Alert, data,
		model.TimeFromUnix(0), template.QueryFunc(query), external, nil,
	)
	parses := expander.ParseTest() == nil
	expansion, err := expander.Expand()
	return answer{"parses": parses, "expansion": expansion}, err
}
