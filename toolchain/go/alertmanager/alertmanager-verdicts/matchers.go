package main

import (
	"github.com/prometheus/alertmanager/matcher/compat"
	"github.com/prometheus/alertmanager/pkg/labels"
)

type textQuestion struct {
	kind
	Text string `json:"text"`
}

// judgeMatcher answers the canonical text of one matcher, as amtool and inhibition rules take it.
func judgeMatcher(question textQuestion) (answer, error) {
	matcher, err := compat.Matcher(question.Text, "verdicts")
	if err != nil {
		return nil, err
	}
	return answer{"canonical": matcher.String()}, nil
}

type regexQuestion struct {
	kind
	// Text is the pattern, without the anchors that Alertmanager adds.
	Text string `json:"text"`
	// Values are texts to match.
	Values []string `json:"values"`
}

// judgeRegex answers which of the values a matcher's pattern matches.
func judgeRegex(question regexQuestion) (answer, error) {
	matcher, err := labels.NewMatcher(labels.MatchRegexp, "label", question.Text)
	if err != nil {
		return nil, err
	}
	matches := make([]bool, len(question.Values))
	for i, value := range question.Values {
		matches[i] = matcher.Matches(value)
	}
	return answer{"matches": matches}, nil
}
