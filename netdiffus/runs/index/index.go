// Package index keeps what package runs read of run directories in a SQLite file, so
// that hundreds are listed at once. The directories are the truth: a file that is
// missing, damaged or of another version is made anew, and where none can be written
// listing only takes longer.
package index

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/crc32"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
	"github.com/netdiffus/netdiffus-go/netdiffus/runs"
)

// Index is a runs.Cache in a file. Several processes may use one file at once.
type Index struct {
	db   *sql.DB
	path string
}

// schemaVersion is SQLite's user_version of the file.
const schemaVersion = 3

// Paths are BLOBs: a path need not be text.
const schema = `
CREATE TABLE IF NOT EXISTS record (
	dir         BLOB PRIMARY KEY,
	fingerprint TEXT NOT NULL,
	data        BLOB NOT NULL,
	sum         INTEGER NOT NULL -- CRC-32C of fingerprint and data: SQLite notices no changed byte of a value
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS root (
	dir  BLOB PRIMARY KEY,
	used INTEGER NOT NULL -- Unix time
) WITHOUT ROWID;
`

// Dir is the folder of the index file: netdiffus/runs in the user's cache directory, or
// the value of NETDIFFUS_RUNS_INDEX.
func Dir() (string, error) {
	if dir := os.Getenv("NETDIFFUS_RUNS_INDEX"); dir != "" {
		return dir, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("index: %w", err)
	}
	return filepath.Join(cache, "netdiffus", "runs"), nil
}

// Open opens the index file in the folder dir, "" meaning Dir, and makes it where it is
// missing, damaged or of another version.
func Open(ctx context.Context, dir string) (*Index, error) {
	if dir == "" {
		var err error
		if dir, err = Dir(); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	path := filepath.Join(dir, "index.db")
	// Making the file anew is for one process at a time.
	unlock, err := atomicfile.Lock(ctx, filepath.Join(dir, ".index.lock"), nil)
	if err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	defer unlock()
	x, err := open(ctx, path)
	if err == nil || ctx.Err() != nil {
		return x, err
	}
	if err := remove(path); err != nil {
		return nil, err
	}
	return open(ctx, path)
}

// open opens the file, and fails where it is not a sound one.
func open(ctx context.Context, path string) (*Index, error) {
	at := url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath()}
	at.RawQuery = "_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_txlock=immediate"
	db, err := sql.Open("sqlite", at.String())
	if err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	x := &Index{db, path}
	if err := x.prepare(ctx); err != nil {
		db.Close()
		return nil, fmt.Errorf("index: %s: %w", path, err)
	}
	return x, nil
}

func (x *Index) prepare(ctx context.Context) error {
	var version, tables int
	if err := x.db.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&version); err != nil {
		return err
	}
	if err := x.db.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_master`).Scan(&tables); err != nil {
		return err
	}
	if tables > 0 && version != schemaVersion {
		return fmt.Errorf("version %d, want %d", version, schemaVersion)
	}
	if tables == 0 {
		if _, err := x.db.ExecContext(ctx, fmt.Sprintf(`%s PRAGMA user_version = %d`, schema, schemaVersion)); err != nil {
			return err
		}
	}
	return nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func sum(fingerprint string, data []byte) int64 {
	return int64(crc32.Update(crc32.Checksum([]byte(fingerprint), castagnoli), castagnoli, data))
}

// Close closes the file.
func (x *Index) Close() error { return x.db.Close() }

// below is the range of paths below a folder: those that begin with it and a separator.
func below(dir string) (from, to []byte) {
	prefix := strings.TrimSuffix(dir, string(filepath.Separator))
	return []byte(prefix + string(filepath.Separator)), []byte(prefix + string(filepath.Separator+1))
}

// Load implements runs.Cache. A file that turns out to be damaged is made anew.
func (x *Index) Load(ctx context.Context, roots []string) (map[string]runs.Record, error) {
	records, err := x.load(ctx, roots)
	if err == nil || ctx.Err() != nil {
		return records, err
	}
	if err := x.remake(ctx); err != nil {
		return nil, err
	}
	return x.load(ctx, roots)
}

// remake empties the file.
func (x *Index) remake(ctx context.Context) error {
	x.db.Close()
	unlock, err := atomicfile.Lock(ctx, filepath.Join(filepath.Dir(x.path), ".index.lock"), nil)
	if err != nil {
		return fmt.Errorf("index: %w", err)
	}
	defer unlock()
	if err := remove(x.path); err != nil {
		return err
	}
	made, err := open(ctx, x.path)
	if err == nil {
		x.db = made.db
	}
	return err
}

// remove deletes the file and what SQLite keeps beside it.
func remove(path string) error {
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("index: %w", err)
		}
	}
	return nil
}

func (x *Index) load(ctx context.Context, roots []string) (map[string]runs.Record, error) {
	records := map[string]runs.Record{}
	for _, root := range roots {
		dir, err := filepath.Abs(root)
		if err == nil {
			dir, err = filepath.EvalSymlinks(dir)
		}
		if err != nil {
			return nil, fmt.Errorf("index: %w", err)
		}
		from, to := below(dir)
		rows, err := x.db.QueryContext(ctx, `SELECT dir, fingerprint, data, sum FROM record WHERE dir = ? OR dir >= ? AND dir < ?`, []byte(dir), from, to)
		if err != nil {
			return nil, fmt.Errorf("index: %w", err)
		}
		for rows.Next() {
			var at, data []byte
			var print string
			var crc int64
			if err := rows.Scan(&at, &print, &data, &crc); err != nil {
				rows.Close()
				return nil, fmt.Errorf("index: %w", err)
			}
			if crc != sum(print, data) {
				continue
			}
			records[string(at)] = runs.Record{Fingerprint: print, Data: data}
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return nil, fmt.Errorf("index: %w", err)
		}
	}
	return records, nil
}

// Store implements runs.Cache.
func (x *Index) Store(ctx context.Context, records map[string]runs.Record, gone []string) error {
	tx, err := x.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("index: %w", err)
	}
	defer tx.Rollback()
	put, err := tx.PrepareContext(ctx, `INSERT INTO record (dir, fingerprint, data, sum) VALUES (?, ?, ?, ?)
		ON CONFLICT (dir) DO UPDATE SET fingerprint = excluded.fingerprint, data = excluded.data, sum = excluded.sum`)
	if err != nil {
		return fmt.Errorf("index: %w", err)
	}
	for dir, r := range records {
		if _, err := put.ExecContext(ctx, []byte(dir), r.Fingerprint, r.Data, sum(r.Fingerprint, r.Data)); err != nil {
			return fmt.Errorf("index: %w", err)
		}
	}
	for _, dir := range gone {
		if _, err := tx.ExecContext(ctx, `DELETE FROM record WHERE dir = ?`, []byte(dir)); err != nil {
			return fmt.Errorf("index: %w", err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("index: %w", err)
	}
	return nil
}

// Remember keeps folders that runs lie in, for Roots.
func (x *Index) Remember(ctx context.Context, roots ...string) error {
	for _, root := range roots {
		dir, err := filepath.Abs(root)
		if err == nil {
			_, err = x.db.ExecContext(ctx, `INSERT INTO root (dir, used) VALUES (?, ?) ON CONFLICT (dir) DO UPDATE SET used = excluded.used`, []byte(dir), time.Now().Unix())
		}
		if err != nil {
			return fmt.Errorf("index: %w", err)
		}
	}
	return nil
}

// Roots returns the folders that were remembered and are there, the one used last first.
// A folder below another of them is left out.
func (x *Index) Roots(ctx context.Context) ([]string, error) {
	rows, err := x.db.QueryContext(ctx, `SELECT dir FROM root ORDER BY used DESC`)
	if err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var dir []byte
		if err := rows.Scan(&dir); err != nil {
			return nil, fmt.Errorf("index: %w", err)
		}
		if info, err := os.Stat(string(dir)); err == nil && info.IsDir() {
			all = append(all, string(dir))
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	var roots []string
	for _, dir := range all {
		inner := false
		for _, other := range all {
			inner = inner || strings.HasPrefix(dir, strings.TrimSuffix(other, string(filepath.Separator))+string(filepath.Separator))
		}
		if !inner {
			roots = append(roots, dir)
		}
	}
	return roots, nil
}
