package tokenhttp

import (
	"fmt"
	"sync"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
)

func TestVerifiedBearersAreBoundedAndNeverTakenForOneAnother(t *testing.T) {
	v := &verified{}
	require.Nil(t, v.find("a bearer"))
	var writers sync.WaitGroup
	for w := range 2 {
		writers.Go(func() {
			for i := range maxVerified {
				id := fmt.Sprintf("%d-%d", w, i)
				v.add("bearer of "+id, &jwt.RegisteredClaims{Subject: id})
				if claims := v.find("bearer of " + id); claims != nil && claims.Subject != id {
					t.Errorf("%s is taken for %s", id, claims.Subject)
				}
			}
		})
	}
	writers.Wait()
	require.LessOrEqual(t, len(v.claims), maxVerified)
	v.add("the last", &jwt.RegisteredClaims{Subject: "last"})
	require.Equal(t, "last", v.find("the last").Subject)
	require.Nil(t, v.find("the last "))
}
