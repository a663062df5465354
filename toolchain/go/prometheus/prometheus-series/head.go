package main

import (
	"context"

	"github.com/prometheus/common/promslog"

	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
)

// samplesInCommit bounds what one commit holds in memory.
const samplesInCommit = 200_000

// writeHead writes the newest samples to the write-ahead log, from which the server fills its memory
// when it starts. It returns the number of samples.
func writeHead(asked *plan, all []series) (uint64, error) {
	options := tsdb.DefaultOptions()
	options.RetentionDuration = asked.Until
	database, err := tsdb.Open(asked.Folder, promslog.NewNopLogger(), nil, options, nil)
	if err != nil {
		return 0, err
	}
	database.DisableCompactions()
	references := make([]storage.SeriesRef, len(all))
	appender, waiting, samples := database.Appender(context.Background()), 0, uint64(0)
	for moment := asked.Head; moment <= asked.Until; moment += asked.Step {
		for i, one := range all {
			family := one.family
			if (moment-family.From)%family.Step != 0 || (family.Recorded && moment > asked.Now) {
				continue
			}
			value := family.at(moment, one.shape)
			if references[i], err = appender.Append(references[i], one.labels, moment, value); err != nil {
				return 0, err
			}
			samples++
			if waiting++; waiting == samplesInCommit {
				if err := appender.Commit(); err != nil {
					return 0, err
				}
				appender, waiting = database.Appender(context.Background()), 0
			}
		}
	}
	if err := appender.Commit(); err != nil {
		return 0, err
	}
	return samples, database.Close()
}
