// Command prometheus-series fills the data folder of a Prometheus with made-up series, as fast as a
// disk takes them. It reads one JSON object, a plan, from stdin.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
)

// A plan says which series there are, and when. All times are in milliseconds since 1970.
type plan struct {
	Folder string `json:"folder"`
	// Step divides the time between two samples of every family.
	Step int64 `json:"step"`
	// Head is the time from which samples are in the server's memory; what is older is in a block.
	Head int64 `json:"head"`
	Now  int64 `json:"now"`
	// Until is the time of the last samples of scraped series, which may lie ahead of now: a server
	// that starts a while later finds fresh ones. Recorded ones end now, as its rules go on with them.
	Until    int64    `json:"until"`
	Families []family `json:"families"`
}

// A family is a number of series that differ in the number of the copy alone.
type family struct {
	// Labels may contain %d, the number of the copy.
	Labels map[string]string `json:"labels"`
	Copies int               `json:"copies"`
	// From is the time of the first sample.
	From int64 `json:"origin"`
	// Step is the time between two samples.
	Step     int64 `json:"step"`
	Recorded bool  `json:"recorded"`
	// Value is that of a gauge, which swings by Swing around it, or the first one of a counter.
	Value float64 `json:"value"`
	Swing float64 `json:"swing"`
	// Rate is what a counter grows by in a second.
	Rate float64 `json:"rate"`
}

// shapes is the number of different courses that the copies of a family have.
const shapes = 16

// at returns the value at a time, in the course of a copy.
func (f *family) at(moment int64, shape int) float64 {
	seconds := float64(moment-f.From) / 1000
	if f.Rate > 0 {
		return f.Value + math.Floor(f.Rate*(seconds+float64(7*shape)))
	}
	return f.Value + f.Swing*math.Sin(float64(shape)+seconds/300)
}

// A series is one copy of a family.
type series struct {
	family *family
	shape  int
	labels labels.Labels
}

// series returns all series in the order of their labels.
func (p *plan) series() []series {
	all := []series{}
	for i := range p.Families {
		family := &p.Families[i]
		for copied := range family.Copies {
			builder := labels.NewScratchBuilder(len(family.Labels))
			number := strconv.Itoa(copied)
			for name, value := range family.Labels {
				builder.Add(name, strings.ReplaceAll(value, "%d", number))
			}
			builder.Sort()
			all = append(all, series{family, copied % shapes, builder.Labels()})
		}
	}
	slices.SortFunc(all, func(a, b series) int { return labels.Compare(a.labels, b.labels) })
	return all
}

func main() {
	log.SetFlags(0)
	var asked plan
	decoder := json.NewDecoder(os.Stdin)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&asked); err != nil {
		log.Fatal(err)
	}
	all := asked.series()
	inBlock, err := writeBlock(&asked, all)
	if err != nil {
		log.Fatal(err)
	}
	inHead, err := writeHead(&asked, all)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("{\"series\": %d, \"samples\": %d}\n", len(all), inBlock+inHead)
}
