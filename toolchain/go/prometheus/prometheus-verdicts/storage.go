package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"
)

// A seriesQuestion is a made-up series in promtool's notation.
type seriesQuestion struct {
	// Series is the name with labels, such as `up{job="treaty"}`.
	Series string `json:"series"`
	// Values are such as `1 1 _ 0+1x5`; the first is the value at the time 0.
	Values string `json:"values"`
}

// A store keeps series in memory. It is what rules read and append to.
type store struct {
	series map[uint64]*promql.Series
}

// newStore returns a store of the series, whose values are `step` apart.
func newStore(questions []seriesQuestion, step time.Duration) (*store, error) {
	created := &store{series: map[uint64]*promql.Series{}}
	for _, question := range questions {
		name, values, err := promqlParser.ParseSeriesDesc(question.Series + " " + question.Values)
		if err != nil {
			return nil, fmt.Errorf("series %q: %w", question.Series, err)
		}
		series := created.at(name)
		for i, value := range values {
			moment := (time.Duration(i) * step).Milliseconds()
			switch {
			case value.Omitted:
			case value.Histogram != nil:
				series.Histograms = append(series.Histograms, promql.HPoint{T: moment, H: value.Histogram})
			default:
				series.Floats = append(series.Floats, promql.FPoint{T: moment, F: value.Value})
			}
		}
	}
	return created, nil
}

// at returns the series with these labels; it creates it first if it is new.
func (s *store) at(name labels.Labels) *promql.Series {
	series, known := s.series[name.Hash()]
	if !known {
		series = &promql.Series{Metric: name}
		s.series[name.Hash()] = series
	}
	return series
}

// Querier returns a querier of the whole store, whatever the times.
func (s *store) Querier(_, _ int64) (storage.Querier, error) {
	return querier{Querier: storage.NoopQuerier(), store: s}, nil
}

type querier struct {
	storage.Querier
	store *store
}

// Select returns the series that match, in the order of their labels.
func (q querier) Select(
	_ context.Context, _ bool, _ *storage.SelectHints, matchers ...*labels.Matcher,
) storage.SeriesSet {
	found := []*promql.Series{}
	for _, series := range q.store.series {
		if !slices.ContainsFunc(matchers, func(matcher *labels.Matcher) bool {
			return !matcher.Matches(series.Metric.Get(matcher.Name))
		}) {
			found = append(found, series)
		}
	}
	slices.SortFunc(found, func(a, b *promql.Series) int { return labels.Compare(a.Metric, b.Metric) })
	return &seriesSet{rest: found}
}

type seriesSet struct {
	current *promql.Series
	rest    []*promql.Series
}

func (s *seriesSet) Next() bool {
	if len(s.rest) == 0 {
		return false
	}
	s.current, s.rest = s.rest[0], s.rest[1:]
	return true
}

func (s *seriesSet) At() storage.Series                { return promql.NewStorageSeries(*s.current) }
func (s *seriesSet) Err() error                        { return nil }
func (s *seriesSet) Warnings() annotations.Annotations { return nil }

// Appender returns an appender of what rules append. It refuses what the server's storage refuses.
func (s *store) Appender(context.Context) storage.Appender {
	return appender{store: s}
}

// An appender has the methods that rules call; the others panic.
type appender struct {
	storage.Appender
	store *store
}

func (a appender) Append(_ storage.SeriesRef, name labels.Labels, moment int64, value float64) (storage.SeriesRef, error) {
	series := a.store.at(name)
	if len(series.Floats) > 0 {
		switch last := series.Floats[len(series.Floats)-1]; {
		case last.T > moment:
			return 0, storage.ErrOutOfOrderSample
		case last.T == moment && last.F != value:
			return 0, storage.ErrDuplicateSampleForTimestamp
		case last.T == moment:
			return 0, nil
		}
	}
	series.Floats = append(series.Floats, promql.FPoint{T: moment, F: value})
	return 0, nil
}

func (a appender) AppendHistogram(
	_ storage.SeriesRef, name labels.Labels, moment int64, _ *histogram.Histogram, value *histogram.FloatHistogram,
) (storage.SeriesRef, error) {
	series := a.store.at(name)
	series.Histograms = append(series.Histograms, promql.HPoint{T: moment, H: value})
	return 0, nil
}

func (appender) SetOptions(*storage.AppendOptions) {}
func (appender) Commit() error                     { return nil }
