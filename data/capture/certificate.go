package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"strconv"
	"time"
)

// siteNames are the names that clients ask for; each has a certificate.
var siteNames = []string{
	"a.example", "www.example.com", "media.example.net", "api.v2.example.org",
	"cdn-edge-17.eu-central.media.example.net", "static.assets.shop.example.com",
}

func itoa(n int) string { return strconv.Itoa(n) }

// makeCertificates signs a chain for each name: sites differ in key, number of
// further names and length of chain, hence in the size of their handshakes.
func makeCertificates(d dice) ([]tls.Certificate, error) {
	rootKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	root := template(d, "Example Root")
	root.IsCA, root.BasicConstraintsValid = true, true
	rootDER, err := x509.CreateCertificate(rand.Reader, root, root, &rootKey.PublicKey, rootKey)
	if err != nil {
		return nil, err
	}
	var certificates []tls.Certificate
	for i, name := range siteNames {
		var key crypto.Signer
		if i%2 == 0 {
			key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		} else {
			key, err = rsa.GenerateKey(rand.Reader, 2048)
		}
		if err != nil {
			return nil, err
		}
		leaf := template(d, name)
		leaf.DNSNames = []string{name}
		for range 5 * i {
			leaf.DNSNames = append(leaf.DNSNames, d.word(d.between(4, 20))+".example.com")
		}
		der, err := x509.CreateCertificate(rand.Reader, leaf, root, key.Public(), rootKey)
		if err != nil {
			return nil, err
		}
		chain := [][]byte{der}
		if i%3 != 0 {
			chain = append(chain, rootDER)
		}
		certificates = append(certificates, tls.Certificate{Certificate: chain, PrivateKey: key})
	}
	return certificates, nil
}

func template(d dice, name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(d.bytes(15)),
		Subject:      pkix.Name{CommonName: name, Organization: []string{"Example " + d.word(12)}},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
}
