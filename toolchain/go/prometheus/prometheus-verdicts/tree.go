package main

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
)

// A tree is a node of an expression: its kind, what is particular to it, and its children.
type tree []any

// describe answers the tree of an expression, so that tests can compare its meaning.
func describe(node parser.Expr) tree {
	switch node := node.(type) {
	case *parser.NumberLiteral:
		return tree{"number", strconv.FormatFloat(node.Val, 'g', -1, 64)}
	case *parser.StringLiteral:
		return tree{"string", node.Val}
	case *parser.VectorSelector:
		matchers := []string{}
		for _, matcher := range node.LabelMatchers {
			matchers = append(matchers, matcher.Name+" "+matcher.Type.String()+" "+matcher.Value)
		}
		slices.Sort(matchers)
		return tree{"selector", matchers, milliseconds(node.OriginalOffset), at(node.Timestamp, node.StartOrEnd)}
	case *parser.MatrixSelector:
		return tree{"matrix", milliseconds(node.Range), describe(node.VectorSelector)}
	case *parser.SubqueryExpr:
		moment := at(node.Timestamp, node.StartOrEnd)
		return tree{
			"subquery", milliseconds(node.Range), milliseconds(node.Step),
			milliseconds(node.OriginalOffset), moment, describe(node.Expr),
		}
	case *parser.Call:
		described := tree{"call", node.Func.Name}
		for _, argument := range node.Args {
			described = append(described, describe(argument))
		}
		return described
	case *parser.AggregateExpr:
		grouping := append([]string{}, node.Grouping...)
		described := tree{"aggregation", strings.ToLower(node.Op.String()), node.Without, grouping}
		if node.Param != nil {
			described = append(described, describe(node.Param))
		}
		return append(described, describe(node.Expr))
	case *parser.BinaryExpr:
		return tree{
			"binary", strings.ToLower(node.Op.String()), node.ReturnBool, matching(node.VectorMatching),
			describe(node.LHS), describe(node.RHS),
		}
	case *parser.UnaryExpr:
		return tree{"unary", node.Op.String(), describe(node.Expr)}
	case *parser.ParenExpr:
		return tree{"paren", describe(node.Expr)}
	default:
		panic("unknown node " + node.String())
	}
}

func milliseconds(duration time.Duration) int64 { return duration.Milliseconds() }

// at answers the seconds after `@`, "start", "end", or nil without an `@`.
func at(moment *int64, edge parser.ItemType) any {
	switch {
	case moment != nil:
		return float64(*moment) / 1000
	case edge != 0:
		return strings.ToLower(parser.ItemTypeStr[edge])
	default:
		return nil
	}
}

// matching answers which series belong together, or nil if all their labels decide that.
func matching(given *parser.VectorMatching) any {
	if given == nil || !given.On && len(given.MatchingLabels) == 0 &&
		(given.Card == parser.CardOneToOne || given.Card == parser.CardManyToMany) {
		return nil
	}
	labels, included := append([]string{}, given.MatchingLabels...), append([]string{}, given.Include...)
	return tree{given.Card.String(), given.On, labels, included}
}
