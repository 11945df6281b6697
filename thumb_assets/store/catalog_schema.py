"""The catalog's SQL, made from the contracts: one SQL table per table, and the views people look at."""

import hashlib

import pyarrow as pa

from thumb_assets.tables.contracts import TABLES
from thumb_assets.tables.declaration import Column, Embedding, TableContract

META_TABLE = "catalog_meta"
FINGERPRINT_KEY = "schema_fingerprint"

_VIEWS = {
    # The stills of the present selection, best first.
    "best_stills": """
SELECT t.video_id, s.rank, t.file_name, s.combined_score, s.sharpness_percentile, s.clip_percentile, s.iqa_percentile,
       s.face_bonus, s.frame_index, s.pts_seconds, s.reason
FROM stills t JOIN selections s USING (video_id, frame_index)
ORDER BY t.video_id, s.rank
""",
    # How many are left after each step, one row per video that was tried.
    "funnel": """
SELECT v.video_id,
       (SELECT count(*) FROM frames x WHERE x.video_id = v.video_id) AS num_frames,
       (SELECT count(*) FROM shots x WHERE x.video_id = v.video_id) AS num_shots,
       (SELECT count(*) FROM candidate_frames x WHERE x.video_id = v.video_id) AS num_candidates,
       {rejected},
       (SELECT count(*) FROM selections x WHERE x.video_id = v.video_id) AS num_selections,
       (SELECT count(*) FROM stills x WHERE x.video_id = v.video_id) AS num_stills
FROM (SELECT video_id FROM videos UNION SELECT video_id FROM outcomes) v
ORDER BY v.video_id
""",
    # Every displayed frame with all that is known of it; iqa_scores is a JSON object by metric.
    "frame_scores": """
SELECT f.video_id, f.frame_index, f.pts, f.pts_seconds, f.is_keyframe,
       c.frame_index IS NOT NULL AS is_candidate, c.shot_index, c.sampling_methods,
       coalesce(p.laplacian_variance, f.laplacian_variance) AS laplacian_variance, p.tenengrad,
       coalesce(p.luma_mean, f.luma_mean) AS luma_mean, coalesce(p.luma_std, f.luma_std) AS luma_std,
       p.percentile_in_video, p.error AS sharpness_error,
       k.positive_similarity, k.negative_similarity, k.clip_score, k.error AS clip_error,
       nullif((SELECT json_group_object(q.metric, q.iqa_score) FROM iqa_scores q
               WHERE q.video_id = f.video_id AND q.frame_index = f.frame_index), '{{}}') AS iqa_scores,
       (SELECT max(a.confidence) FROM faces a
        WHERE a.video_id = f.video_id AND a.frame_index = f.frame_index) AS greatest_face_confidence,
       j.judge_score, j.reason AS judge_reason, j.error AS judge_error,
       s.rank, s.combined_score, s.reason AS selection_reason,
       r.stage AS rejection_stage, r.reason AS rejection_reason, r.value AS rejection_value,
       r.threshold AS rejection_threshold, t.file_name
FROM frames f
LEFT JOIN candidate_frames c USING (video_id, frame_index)
LEFT JOIN sharpness p USING (video_id, frame_index)
LEFT JOIN clip_scores k USING (video_id, frame_index)
LEFT JOIN judgements j USING (video_id, frame_index)
LEFT JOIN selections s USING (video_id, frame_index)
LEFT JOIN rejections r USING (video_id, frame_index)
LEFT JOIN stills t USING (video_id, frame_index)
""",
    # Videos of which no frame is selected: by reason, how many candidates were dropped.
    "nothing_kept": """
SELECT r.video_id, r.reason, count(*) AS num_candidates FROM rejections r
WHERE NOT EXISTS (SELECT 1 FROM selections s WHERE s.video_id = r.video_id)
GROUP BY r.video_id, r.reason ORDER BY r.video_id, num_candidates DESC, r.reason
""",
    # What went wrong when it was tried last.
    "failures": """
SELECT video_id, stage, message, is_permanent, source_path, blocked_by FROM outcomes WHERE status = 'failed'
ORDER BY video_id, stage
""",
}

# What failed is asked for over the whole library, and is a few of many rows.
_INDEXES = ('CREATE INDEX outcomes_by_status ON "outcomes" ("status", "stage")',)


def create_statements() -> list[str]:
    """Every CREATE statement, tables before their indexes and views; one statement each."""
    meta = f'CREATE TABLE {META_TABLE} ("key" TEXT NOT NULL PRIMARY KEY, "value" TEXT NOT NULL)'
    views = [f"CREATE VIEW {name} AS {_fill(text).strip()}" for name, text in _VIEWS.items()]
    return [meta, *(_create_table(contract) for contract in TABLES.values()), *_INDEXES, *views]


def fingerprint() -> str:
    """Hex SHA-256 over all of `create_statements`: another one means another schema, views included."""
    return hashlib.sha256("\n".join(create_statements()).encode()).hexdigest()


def insert_statement(contract: TableContract) -> str:
    """The INSERT with one `?` per column in the contract's order."""
    names = ", ".join(f'"{name}"' for name in contract.column_names)
    marks = ", ".join("?" for _ in contract.columns)
    return f'INSERT INTO "{contract.name}" ({names}) VALUES ({marks})'  # noqa: S608 - names of the contracts


def select_statement(contract: TableContract) -> str:
    """The SELECT of one video's rows with the columns in the contract's order; `?` is the video id."""
    names = ", ".join(f'"{name}"' for name in contract.column_names)
    return f'SELECT {names} FROM "{contract.name}" WHERE "video_id" = ?'  # noqa: S608 - names of the contracts


def delete_statement(contract: TableContract) -> str:
    """The DELETE of one video's rows; `?` is the video id."""
    return f'DELETE FROM "{contract.name}" WHERE "video_id" = ?'  # noqa: S608 - names of the contracts


def _create_table(contract: TableContract) -> str:
    lines = [
        f'  "{column.name}" {_sql_type(column)}{"" if column.is_nullable else " NOT NULL"}'
        for column in contract.columns
    ]
    lines.append("  PRIMARY KEY (" + ", ".join(f'"{name}"' for name in contract.key) + ")")
    return f'CREATE TABLE "{contract.name}" (\n' + ",\n".join(lines) + "\n) WITHOUT ROWID"


def _sql_type(column: Column) -> str:
    if isinstance(column.type, Embedding):
        return "BLOB"  # float16, little-endian
    if pa.types.is_integer(column.type) or pa.types.is_boolean(column.type):
        return "INTEGER"
    if pa.types.is_floating(column.type):
        return "REAL"
    return "TEXT"  # lists as JSON


def _fill(text: str) -> str:
    stages = TABLES["rejections"].column("stage").choices
    counts = [
        "(SELECT count(*) FROM rejections x "  # noqa: S608 - choices of the contract
        f"WHERE x.video_id = v.video_id AND x.stage = '{stage}') AS num_dropped_by_{stage}"
        for stage in stages
    ]
    return text.format(rejected=",\n       ".join(counts))
