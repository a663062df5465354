package main

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"
)

type evaluationQuestion struct {
	kind
	// Text is that of a rule file.
	Text   string           `json:"text"`
	Series []seriesQuestion `json:"series"`
	// Interval is that of evaluations, of scrapes and so of the series' values; "1m" if it is empty.
	Interval string `json:"interval"`
	// Evaluations is how many times all groups are evaluated, the first at the time 0; 1 if it is 0.
	Evaluations    int               `json:"evaluations"`
	ExternalLabels map[string]string `json:"external_labels"`
	ExternalURL    string            `json:"external_url"`
}

// judgeEvaluation evaluates a rule file over series and answers each rule's evaluations. A rule
// that is not healthy once makes the file invalid.
func judgeEvaluation(question evaluationQuestion) (answer, error) {
	interval := time.Minute
	if question.Interval != "" {
		parsed, err := model.ParseDuration(question.Interval)
		if err != nil {
			return nil, err
		}
		interval = time.Duration(parsed)
	}
	store, err := newStore(question.Series, interval)
	if err != nil {
		return nil, err
	}
	external, err := url.Parse(question.ExternalURL)
	if err != nil {
		return nil, err
	}
	parsed, err := parseRules([]byte(question.Text))
	if err != nil {
		return nil, err
	}
	results := map[string]int{}
	query := rules.EngineQueryFunc(newEngine(interval), store)
	manager := rules.NewManager(&rules.ManagerOptions{
		NameValidationScheme: model.UTF8Validation,
		Appendable:           store,
		Queryable:            store,
		Context:              context.Background(),
		ExternalURL:          external,
		GroupLoader:          loader{parsed},
		Logger:               promslog.NewNopLogger(),
		NotifyFunc:           func(context.Context, string, ...*rules.Alert) {},
		Parser:               promqlParser,
		QueryFunc: func(ctx context.Context, text string, moment time.Time) (promql.Vector, error) {
			vector, err := query(ctx, text, moment)
			results[text] = len(vector)
			return vector, err
		},
	})
	const file = "rules.yml"
	groups, errs := manager.LoadGroups(
		interval, labels.FromMap(question.ExternalLabels), external.String(), nil, false, file,
	)
	if errs != nil {
		return nil, errors.Join(errs...)
	}
	judged, failures := []answer{}, []error{}
	evaluations := map[rules.Rule][]answer{}
	for i := range max(question.Evaluations, 1) {
		moment := time.Unix(0, 0).UTC().Add(time.Duration(i) * interval)
		for _, named := range parsed.Groups {
			group := groups[rules.GroupKey(file, named.Name)]
			group.Eval(context.Background(), moment)
			for _, rule := range group.Rules() {
				evaluations[rule] = append(evaluations[rule], answer{
					"health":  rule.Health(),
					"error":   text(rule.LastError()),
					"results": results[rule.Query().String()],
				})
				if rule.LastError() != nil {
					failures = append(failures, rule.LastError())
				}
			}
		}
	}
	for _, named := range parsed.Groups {
		for _, rule := range groups[rules.GroupKey(file, named.Name)].Rules() {
			described := answer{"group": named.Name, "name": rule.Name(), "evaluations": evaluations[rule]}
			if alerting, ok := rule.(*rules.AlertingRule); ok {
				described["alerts"] = describeAlerts(alerting)
			}
			judged = append(judged, described)
		}
	}
	return answer{"rules": judged}, errors.Join(failures...)
}

// describeAlerts answers the alerts that are active after the last evaluation. An annotation whose
// template fails holds "<error expanding template: ...>".
func describeAlerts(rule *rules.AlertingRule) []answer {
	described := []answer{}
	for _, alert := range rule.ActiveAlerts() {
		described = append(described, answer{
			"state":       alert.State.String(),
			"labels":      alert.Labels.Map(),
			"annotations": alert.Annotations.Map(),
		})
	}
	return described
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// A loader hands out rules that are parsed already.
type loader struct{ parsed *rulefmt.RuleGroups }

func (l loader) Load(string, bool, model.ValidationScheme) (*rulefmt.RuleGroups, []error) {
	return l.parsed, nil
}

func (loader) Parse(query string) (parser.Expr, error) {
	return promqlParser.ParseExpr(query)
}

// newEngine returns an engine with the options of a server without feature flags.
func newEngine(interval time.Duration) *promql.Engine {
	return promql.NewEngine(promql.EngineOpts{
		Logger:                   promslog.NewNopLogger(),
		MaxSamples:               50_000_000,
		Timeout:                  2 * time.Minute,
		LookbackDelta:            5 * time.Minute,
		NoStepSubqueryIntervalFn: func(int64) int64 { return interval.Milliseconds() },
		EnableAtModifier:         true,
		EnableNegativeOffset:     true,
		Parser:                   promqlParser,
	})
}
