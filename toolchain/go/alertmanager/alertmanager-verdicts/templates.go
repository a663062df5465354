package main

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"time"

	"github.com/prometheus/alertmanager/template"
	"github.com/prometheus/alertmanager/types"
	"github.com/prometheus/common/model"
)

type templateQuestion struct {
	kind
	// Text is that of a template file.
	Text string `json:"text"`
	// Execute are texts of a receiver's fields, such as `{{ template "slack.title" . }}`.
	Execute []string `json:"execute"`
	// Labels and Annotations replace those of the alerts.
	Labels      model.LabelSet `json:"labels"`
	Annotations model.LabelSet `json:"annotations"`
}

// judgeTemplate loads a template file beside Alertmanager's own and executes the texts on groups
// of alerts. It answers whether the file `loads`, and each execution.
func judgeTemplate(question templateQuestion) (answer, error) {
	templates, err := load(map[string]string{"notifications.tmpl": question.Text})
	if err != nil {
		return answer{"loads": false, "executions": []answer{}}, err
	}
	executions, failures := []answer{}, []error{}
	for _, group := range groups(question.Labels, question.Annotations) {
		data := templates.Data("slack", groupLabels(group.alerts), group.alerts...)
		for _, text := range question.Execute {
			output, err := templates.ExecuteTextString(text, data)
			described := answer{"group": group.name, "text": text, "output": output, "error": ""}
			if err != nil {
				described["error"] = err.Error()
				failures = append(failures, fmt.Errorf("%s group: %q: %w", group.name, text, err))
			}
			executions = append(executions, described)
		}
	}
	return answer{"loads": true, "executions": executions}, errors.Join(failures...)
}

var (
	lastFiles  map[string]string
	lastLoaded *template.Template
)

// load parses template files as the server does: after its own, from a folder. It keeps those
// that it has loaded last, for the server's own take a while.
func load(files map[string]string) (*template.Template, error) {
	if lastLoaded != nil && maps.Equal(files, lastFiles) {
		return lastLoaded, nil
	}
	folder, err := os.MkdirTemp("", "verdicts-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	loaded, err := template.FromGlobs([]string{filepath.Join(folder, "*")})
	if err != nil {
		return nil, err
	}
	loaded.ExternalURL = &url.URL{Scheme: "http", Host: "alertmanager.example:9093"}
	lastFiles, lastLoaded = files, loaded
	return loaded, nil
}

type group struct {
	name   string
	alerts []*types.Alert
}

// groups returns groups as the dispatcher hands them to a receiver: firing, resolved and mixed.
func groups(labels, annotations model.LabelSet) []group {
	if labels == nil {
		labels = model.LabelSet{
			"alertname": "TreatyRttHigh", "severity": "warning", "namespace": "vaultmesh",
			"service": "treaty", "cluster": "staging", "job": "treaty",
		}
	}
	if annotations == nil {
		annotations = model.LabelSet{
			"summary":     "Treaty answers slowly",
			"description": "Round trips take 0.3 s & more.\nThe limit is 0.25 s.",
			"runbook_url": "https://runbooks.example/TreatyRttHigh",
		}
	}
	start := time.Date(2026, 1, 5, 9, 30, 0, 0, time.UTC)
	make := func(pod string, resolved bool) *types.Alert {
		alert := &types.Alert{Alert: model.Alert{
			Labels:       labels.Merge(model.LabelSet{"pod": model.LabelValue(pod)}),
			Annotations:  annotations.Merge(model.LabelSet{"pod_name": model.LabelValue(pod)}),
			StartsAt:     start,
			GeneratorURL: "http://prometheus.example:9090/graph?g0.expr=up",
		}}
		if resolved {
			alert.EndsAt = start.Add(90 * time.Minute)
		}
		return alert
	}
	return []group{
		{"firing", []*types.Alert{make("treaty-0", false), make("treaty-1", false)}},
		{"resolved", []*types.Alert{make("treaty-0", true)}},
		{"mixed", []*types.Alert{make("treaty-0", false), make("treaty-1", true)}},
	}
}

// groupLabels are the alert's name and its severity, by which a route groups.
func groupLabels(alerts []*types.Alert) model.LabelSet {
	chosen := model.LabelSet{}
	for _, name := range []model.LabelName{"alertname", "severity"} {
		if value, ok := alerts[0].Labels[name]; ok {
			chosen[name] = value
		}
	}
	return chosen
}

// listFunctions answers the Go types of the functions that templates may call, beside Go's own.
func listFunctions(kind) (answer, error) {
	functions := answer{}
	for name, function := range template.DefaultFuncs {
		functions[name] = reflect.TypeOf(function).String()
	}
	return answer{"functions": functions}, nil
}
