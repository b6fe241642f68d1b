package tables

import (
	"testing"

	"github.com/parquet-go/parquet-go"
)

func TestNegativeDecimal(t *testing.T) {
	l := Leaf{scale: 100, kind: parquet.FixedLenByteArray}
	if got := l.number(parquet.FixedLenByteArrayValue([]byte{0xff, 0x38})); got != -2 {
		t.Errorf("the decimal -2.00 is %v", got)
	}
}
