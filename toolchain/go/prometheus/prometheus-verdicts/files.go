package main

import (
	"errors"

	"github.com/prometheus/common/model"
	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/model/rulefmt"
	_ "github.com/prometheus/prometheus/plugins" // The server's kinds of service discovery.
)

// judgeRuleFile answers the names of a rule file's groups.
func judgeRuleFile(question textQuestion) (answer, error) {
	groups, err := parseRules([]byte(question.Text))
	if err != nil {
		return nil, err
	}
	names := []string{}
	for _, group := range groups.Groups {
		names = append(names, group.Name)
	}
	return answer{"groups": names}, nil
}

// parseRules parses a rule file as the server does at its start and at each reload.
func parseRules(content []byte) (*rulefmt.RuleGroups, error) {
	groups, errs := rulefmt.Parse(content, false, model.UTF8Validation, promqlParser, promslog.NewNopLogger())
	return groups, errors.Join(errs...)
}

// judgeConfig loads a prometheus.yml, with the scrape configurations of files that it names.
func judgeConfig(question textQuestion) (answer, error) {
	loaded, err := config.Load(question.Text, promslog.NewNopLogger())
	if err != nil {
		return nil, err
	}
	_, err = loaded.GetScrapeConfigs()
	return nil, err
}
