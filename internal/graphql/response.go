package graphql

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Response is the answer, whose JSON has the fields in the order in which they
// were asked for. Data is nil when the query was not run, and a pointer to
// nothing for null.
type Response struct {
	Data   *Data    `json:"data,omitempty"`
	Errors []*Error `json:"errors,omitempty"`
}

// Data is an answer's object, or null.
type Data struct{ members *members }

// MarshalJSON implements [json.Marshaler].
func (d *Data) MarshalJSON() ([]byte, error) { return json.Marshal(d.members) }

type member struct {
	name  string
	value any
}

// members is an object that keeps its order.
type members []member

func (m members) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	out.WriteByte('{')
	for n, each := range m {
		separator := ","
		if n == 0 {
			separator = ""
		}
		value, err := json.Marshal(each.value)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&out, "%s%q:%s", separator, each.name, value)
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}
