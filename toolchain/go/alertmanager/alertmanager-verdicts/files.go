package main

import (
	"github.com/prometheus/alertmanager/config"
	"github.com/prometheus/alertmanager/config/receiver"
	"github.com/prometheus/alertmanager/dispatch"
	"github.com/prometheus/alertmanager/inhibit"
	"github.com/prometheus/alertmanager/timeinterval"
	"github.com/prometheus/alertmanager/types"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/promslog"
)

type configQuestion struct {
	kind
	Text string `json:"text"`
	// Templates are the template files' texts by name; they are loaded whatever the text names.
	Templates map[string]string `json:"templates"`
}

// judgeConfig loads an alertmanager.yml and builds from it what the server builds when it starts.
// It answers the names of the routes' receivers.
func judgeConfig(question configQuestion) (answer, error) {
	loaded, err := config.Load(question.Text)
	if err != nil {
		return nil, err
	}
	templates, err := load(question.Templates)
	if err != nil {
		return nil, err
	}
	active := map[string]bool{}
	dispatch.NewRoute(loaded.Route, nil).Walk(func(route *dispatch.Route) {
		active[route.RouteOpts.Receiver] = true
	})
	names := []string{}
	for _, one := range loaded.Receivers {
		if active[one.Name] {
			if _, err := receiver.BuildReceiverIntegrations(one, templates, promslog.NewNopLogger()); err != nil {
				return nil, err
			}
			names = append(names, one.Name)
		}
	}
	intervals := map[string][]timeinterval.TimeInterval{}
	for _, interval := range loaded.MuteTimeIntervals {
		intervals[interval.Name] = interval.TimeIntervals
	}
	for _, interval := range loaded.TimeIntervals {
		intervals[interval.Name] = interval.TimeIntervals
	}
	timeinterval.NewIntervener(intervals)
	marker := types.NewMarker(prometheus.NewRegistry())
	inhibit.NewInhibitor(nil, loaded.InhibitRules, marker, promslog.NewNopLogger())
	return answer{"receivers": names}, nil
}
