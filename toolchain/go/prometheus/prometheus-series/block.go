package main

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"

	"github.com/oklog/ulid/v2"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/tsdb/index"
)

// samplesInChunk is the number at which the server starts a new chunk.
const samplesInChunk = 120

// A course is what the copies of a family with the same shape share.
type course struct {
	family *family
	shape  int
}

// writeBlock writes what is older than the head as one block, and returns the number of samples.
func writeBlock(asked *plan, all []series) (uint64, error) {
	meta := tsdb.BlockMeta{
		ULID:    ulid.MustNew(uint64(asked.Head), ulidEntropy{}),
		MinTime: asked.Head,
		MaxTime: asked.Head,
		Version: 1,
	}
	meta.Compaction = tsdb.BlockMetaCompaction{Level: 1, Sources: []ulid.ULID{meta.ULID}}
	folder := filepath.Join(asked.Folder, meta.ULID.String())
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return 0, err
	}
	written, err := chunks.NewWriter(filepath.Join(folder, "chunks"))
	if err != nil {
		return 0, err
	}
	indexed, err := index.NewWriter(context.Background(), filepath.Join(folder, "index"))
	if err != nil {
		return 0, err
	}
	for _, symbol := range symbols(all) {
		if err := indexed.AddSymbol(symbol); err != nil {
			return 0, err
		}
	}
	encoded := map[course][]chunks.Meta{}
	for number, one := range all {
		key := course{one.family, one.shape}
		found, known := encoded[key]
		if !known {
			if found, err = encode(asked, key); err != nil {
				return 0, err
			}
			encoded[key] = found
		}
		if len(found) == 0 {
			continue
		}
		if err := written.WriteChunks(found...); err != nil {
			return 0, err
		}
		if err := indexed.AddSeries(storage.SeriesRef(number), one.labels, found...); err != nil {
			return 0, err
		}
		meta.MinTime = min(meta.MinTime, one.family.From)
		meta.Stats.NumSeries++
		meta.Stats.NumChunks += uint64(len(found))
		for _, chunk := range found {
			meta.Stats.NumSamples += uint64(chunk.Chunk.NumSamples())
		}
	}
	if err := written.Close(); err != nil {
		return 0, err
	}
	if err := indexed.Close(); err != nil {
		return 0, err
	}
	text, err := json.Marshal(meta)
	if err != nil {
		return 0, err
	}
	return meta.Stats.NumSamples, os.WriteFile(filepath.Join(folder, "meta.json"), text, 0o644)
}

// encode returns the chunks of a course before the head.
func encode(asked *plan, key course) ([]chunks.Meta, error) {
	encoded := []chunks.Meta{}
	var appender chunkenc.Appender
	for moment := key.family.From; moment < asked.Head; moment += key.family.Step {
		last := len(encoded) - 1
		if last < 0 || encoded[last].Chunk.NumSamples() == samplesInChunk {
			chunk := chunkenc.NewXORChunk()
			created, err := chunk.Appender()
			if err != nil {
				return nil, err
			}
			encoded = append(encoded, chunks.Meta{Chunk: chunk, MinTime: moment})
			appender, last = created, last+1
		}
		appender.Append(0, moment, key.family.at(moment, key.shape))
		encoded[last].MaxTime = moment
	}
	return encoded, nil
}

// symbols returns all names and values of labels, sorted.
func symbols(all []series) []string {
	known := map[string]struct{}{}
	for _, one := range all {
		one.labels.Range(func(label labels.Label) {
			known[label.Name], known[label.Value] = struct{}{}, struct{}{}
		})
	}
	sorted := make([]string, 0, len(known))
	for symbol := range known {
		sorted = append(sorted, symbol)
	}
	slices.Sort(sorted)
	return sorted
}

// ulidEntropy makes the part of a block's name that is not its time.
type ulidEntropy struct{}

func (ulidEntropy) Read(bytes []byte) (int, error) {
	for i := range bytes {
		bytes[i] = byte(rand.Uint32())
	}
	return len(bytes), nil
}
