// Reads the licences' place in the public log with golang.org/x/mod/sumdb/note and tlog: the checkpoint's signature, the proof in
// the credential, the leaf computed anew from what stands open in it, and the published tiles. log-reader FOLDER-OF-SAMPLES
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type credential struct {
	Vct        string                      `json:"vct"`
	Identifier string                      `json:"identifier"`
	Authority  struct{ Code, Name string } `json:"issuing_authority"`
	IssueDate  string                      `json:"issue_date"`
	From       string                      `json:"valid_from"`
	Until      *string                     `json:"valid_until"`
	SD         []string                    `json:"_sd"`
	Items      struct {
		SD []string `json:"_sd"`
	} `json:"items"`
	Status struct {
		List struct {
			URI string `json:"uri"`
			Idx uint64 `json:"idx"`
		} `json:"status_list"`
	} `json:"status"`
	Log struct {
		Key, Event, Salt, Proof string
		Effective               int64
	} `json:"log"`
}

type checkpoint struct {
	origin string
	tree   tlog.Tree
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: log-reader FOLDER-OF-SAMPLES")
		os.Exit(64)
	}
	line, err := run(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(line)
}

func run(samples string) (string, error) {
	persons, err := os.ReadFile(filepath.Join(samples, "..", "test-persons.json"))
	if err != nil {
		return "", err
	}
	var world struct{ Persons []struct{ Name string } }
	if err := json.Unmarshal(persons, &world); err != nil {
		return "", err
	}
	vkey, err := logKey(samples)
	if err != nil {
		return "", err
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return "", err
	}
	read, holder, err := readCredential(filepath.Join(samples, "valid.sdjwt"))
	if err != nil {
		return "", err
	}
	if holder != world.Persons[0].Name {
		return "", fmt.Errorf("the holder is %q", holder)
	}
	index, then, err := included(read, verifier)
	if err != nil {
		return "", fmt.Errorf("valid.sdjwt: %w", err)
	}
	now, err := published(then, index, leaf(read), verifier)
	if err != nil {
		return "", err
	}
	refused, err := refusals(samples, read, verifier)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("x/mod/sumdb: holder %s, %s, %s to %s is leaf %d of %d, tree of %d published by %s continues it; refused %s",
		holder, read.Identifier, read.From, *read.Until, index, then.N, now.tree.N, now.origin, refused), nil
}

// refusals tries what must not be taken.
func refusals(samples string, good *credential, verifier note.Verifier) (string, error) {
	altered, _, err := readCredential(filepath.Join(samples, "altered.sdjwt"))
	if err != nil {
		return "", err
	}
	if _, _, err := included(altered, verifier); err == nil || !strings.Contains(err.Error(), "invalid transparency proof") {
		return "", fmt.Errorf("altered.sdjwt: %v", err)
	}
	forged := *good
	forged.Log.Proof = strings.Replace(good.Log.Proof, verifier.Name()+"\n", verifier.Name()+"\n1", 1)
	var differs *note.InvalidSignatureError
	if _, _, err := included(&forged, verifier); !errors.As(err, &differs) {
		return "", fmt.Errorf("a checkpoint of another size: %v", err)
	}
	other, _, err := readCredential(filepath.Join(samples, "revoked.sdjwt"))
	if err != nil {
		return "", err
	}
	forged.Log.Proof = other.Log.Proof
	if _, _, err := included(&forged, verifier); err == nil || !strings.Contains(err.Error(), "invalid transparency proof") {
		return "", fmt.Errorf("another licence's proof: %v", err)
	}
	return "altered.sdjwt, a changed checkpoint, another licence's proof", nil
}

func logKey(samples string) (string, error) {
	text, err := os.ReadFile(filepath.Join(samples, "trust-bundle.json"))
	if err != nil {
		return "", err
	}
	var bundle struct{ Targets struct{ Payload string } }
	if err := json.Unmarshal(text, &bundle); err != nil {
		return "", err
	}
	payload, err := base64.RawURLEncoding.DecodeString(bundle.Targets.Payload)
	if err != nil {
		return "", err
	}
	var targets struct{ Logs []struct{ Vkey string } }
	if err := json.Unmarshal(payload, &targets); err != nil {
		return "", err
	}
	if len(targets.Logs) != 1 {
		return "", fmt.Errorf("the bundle lists %d logs", len(targets.Logs))
	}
	return targets.Logs[0].Vkey, nil
}

// readCredential answers the open claims and the holder's name, whose disclosure must stand in `_sd`.
func readCredential(path string) (*credential, string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, "", err
	}
	parts := strings.Split(strings.TrimSpace(string(text)), "~")
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(parts[0], ".")[1])
	if err != nil {
		return nil, "", err
	}
	read := new(credential)
	if err := json.Unmarshal(payload, read); err != nil {
		return nil, "", err
	}
	for _, disclosure := range parts[1:] {
		raw, err := base64.RawURLEncoding.DecodeString(disclosure)
		var member []any
		if err != nil || json.Unmarshal(raw, &member) != nil || len(member) != 3 || member[1] != "holder_name" {
			continue
		}
		digest := sha256.Sum256([]byte(disclosure))
		for _, known := range read.SD {
			if known == base64.RawURLEncoding.EncodeToString(digest[:]) {
				return read, member[2].(string), nil
			}
		}
	}
	return read, "", nil
}

// included checks the proof that the credential carries and answers its place and the tree.
func included(read *credential, verifier note.Verifier) (int64, tlog.Tree, error) {
	head, signed, found := strings.Cut(read.Log.Proof, "\n\n")
	lines := strings.Split(head, "\n")
	if !found || len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" || !strings.HasPrefix(lines[1], "index ") {
		return 0, tlog.Tree{}, fmt.Errorf("not a tlog-proof: %q", head)
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	if err != nil {
		return 0, tlog.Tree{}, err
	}
	var proof tlog.RecordProof
	for _, line := range lines[2:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return 0, tlog.Tree{}, err
		}
		proof = append(proof, hash)
	}
	point, err := openCheckpoint([]byte(signed), verifier)
	if err != nil {
		return 0, tlog.Tree{}, err
	}
	if day, err := time.Parse("2006-01-02 -0700", read.From+" +0800"); err != nil || day.Unix() != read.Log.Effective {
		return 0, tlog.Tree{}, fmt.Errorf("effective %d is not the first second of %s", read.Log.Effective, read.From)
	}
	return index, point.tree, tlog.CheckRecord(proof, point.tree.N, point.tree.Hash, index, leaf(read))
}

func openCheckpoint(signed []byte, verifier note.Verifier) (checkpoint, error) {
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return checkpoint{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 3 || lines[0] != verifier.Name() {
		return checkpoint{}, fmt.Errorf("not a checkpoint of %s: %q", verifier.Name(), opened.Text)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return checkpoint{}, err
	}
	hash, err := tlog.ParseHash(lines[2])
	return checkpoint{lines[0], tlog.Tree{N: size, Hash: hash}}, err
}

// published walks the tiles that the log serves: its newest tree continues `then`, and holds the leaf.
func published(then tlog.Tree, index int64, leaf tlog.Hash, verifier note.Verifier) (checkpoint, error) {
	base := "http://" + verifier.Name()
	signed, err := get(base + "/checkpoint")
	if err != nil {
		return checkpoint{}, err
	}
	now, err := openCheckpoint(signed, verifier)
	if err != nil {
		return checkpoint{}, err
	}
	reader := tlog.TileHashReader(now.tree, tiles(base))
	grown, err := tlog.ProveTree(now.tree.N, then.N, reader)
	if err != nil {
		return checkpoint{}, fmt.Errorf("tiles: %w", err)
	}
	if err := tlog.CheckTree(grown, now.tree.N, now.tree.Hash, then.N, then.Hash); err != nil {
		return checkpoint{}, err
	}
	proof, err := tlog.ProveRecord(now.tree.N, index, reader)
	if err != nil {
		return checkpoint{}, err
	}
	return now, tlog.CheckRecord(proof, now.tree.N, now.tree.Hash, index, leaf)
}

type tiles string

func (base tiles) Height() int                     { return 8 }
func (base tiles) SaveTiles([]tlog.Tile, [][]byte) {}
func (base tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range wanted {
		// tlog writes the height into the path, tlog-tiles does not.
		body, err := get(string(base) + "/" + strings.Replace(tile.Path(), "tile/8/", "tile/", 1))
		if err != nil {
			return nil, err
		}
		all = append(all, body)
	}
	return all, nil
}

func get(url string) ([]byte, error) {
	answer, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, answer.Status)
	}
	return io.ReadAll(io.LimitReader(answer.Body, 1<<20))
}

// leaf is the record of the log, computed from the credential alone.
func leaf(read *credential) tlog.Hash {
	facts := sha256.Sum256(cbor(array{
		read.Identifier, typeVersion(read.Vct), read.Authority.Code, read.IssueDate, read.From, read.Until,
		digests(read.SD), digests(read.Items.SD),
	}))
	salt, _ := base64.RawURLEncoding.DecodeString(read.Log.Salt)
	key, _ := base64.RawURLEncoding.DecodeString(read.Log.Key)
	committed := bytes.Join([][]byte{[]byte("xinyin/licence-event/1\x00"), salt, cbor(array{
		read.Identifier, read.Log.Event, read.Log.Effective, facts[:], array{read.Status.List.URI, read.Status.List.Idx},
	})}, nil)
	commitment := sha256.Sum256(committed)
	return tlog.RecordHash(cbor(array{uint64(1), key, commitment[:]}))
}

func typeVersion(vct string) uint64 {
	version, _ := strconv.ParseUint(vct[strings.LastIndexByte(vct, '/')+1:], 10, 64)
	return version
}

func digests(texts []string) array {
	var raw []string
	for _, text := range texts {
		digest, _ := base64.RawURLEncoding.DecodeString(text)
		raw = append(raw, string(digest))
	}
	sort.Strings(raw)
	out := array{}
	for _, digest := range raw {
		out = append(out, []byte(digest))
	}
	return out
}

type array []any

// cbor writes what occurs in a leaf, deterministically (RFC 8949 §4.2.1).
func cbor(value any) []byte {
	switch value := value.(type) {
	case array:
		out := head(4, uint64(len(value)))
		for _, member := range value {
			out = append(out, cbor(member)...)
		}
		return out
	case string:
		return append(head(3, uint64(len(value))), value...)
	case *string:
		if value == nil {
			return []byte{0xf6}
		}
		return cbor(*value)
	case []byte:
		return append(head(2, uint64(len(value))), value...)
	case uint64:
		return head(0, value)
	case int64:
		if value < 0 {
			return head(1, uint64(-1-value))
		}
		return head(0, uint64(value))
	}
	panic(fmt.Sprintf("no such thing in a leaf: %T", value))
}

func head(major byte, number uint64) []byte {
	switch {
	case number < 24:
		return []byte{major<<5 | byte(number)}
	case number < 1<<8:
		return []byte{major<<5 | 24, byte(number)}
	case number < 1<<16:
		return binary.BigEndian.AppendUint16([]byte{major<<5 | 25}, uint16(number))
	case number < 1<<32:
		return binary.BigEndian.AppendUint32([]byte{major<<5 | 26}, uint32(number))
	}
	return binary.BigEndian.AppendUint64([]byte{major<<5 | 27}, number)
}
