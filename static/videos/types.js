/**
 * The shapes the server sends. Nothing here runs; the other modules import these names in JSDoc.
 *
 * @typedef {{code: string, message: string, retryable?: boolean}} Fault
 *
 * @typedef {object} FramePair
 * @property {number} time seconds in this video
 * @property {number} other_time seconds in the other one
 * @property {string|null} picture
 * @property {string|null} other_picture
 * @property {number} score 0..1
 *
 * @typedef {object} PointPair two frames and where they agree
 * @property {number} time seconds in this video
 * @property {number} other_time seconds in the other one
 * @property {number[][]} points x and y here, x and y there, in shares of the pictures
 * @property {string} picture both frames with the points joined by lines
 *
 * @typedef {object} Transform how this video's picture lies in the other's
 * @property {number[]} matrix two rows of three
 * @property {number} rotation degrees clockwise from the other to this one, before mirroring
 * @property {number} stretch
 * @property {number[]|null} box left, top, width, height of what both show here; null for all
 * @property {number[]|null} other_box the same there
 * @property {number} share of this picture, 0..1
 * @property {number} other_share of the other one, 0..1
 *
 * @typedef {object} Segment half-open intervals, in seconds
 * @property {string|number} id
 * @property {number} start
 * @property {number} end
 * @property {number} other_start
 * @property {number} other_end
 * @property {number} speed
 * @property {boolean} mirrored
 * @property {boolean} inverted
 * @property {number|null} motion
 * @property {number} matched_frames
 * @property {FramePair[]} frame_pairs
 * @property {Transform|null} transform
 * @property {PointPair[]} matched_points
 *
 * @typedef {object} OtherVideo
 * @property {string} id
 * @property {string} filename
 * @property {string} title shown instead, unless it is empty
 * @property {"video"|"image"} media_type
 * @property {string|null} thumbnail
 * @property {string|null} media
 * @property {string|null} page
 * @property {number|null} duration
 * @property {string} uploaded_at
 *
 * @typedef {object} Duplicate
 * @property {string|number} id
 * @property {OtherVideo} video
 * @property {"query"|"reference"} role what the video of this page is in the match
 * @property {number} score 0..1
 * @property {"certain"|"likely"|"doubtful"} confidence_word
 * @property {string[]} kinds
 * @property {number} covered share of this video, 0..1
 * @property {number} covered_other share of the other one, 0..1
 * @property {number} matched_frames
 * @property {string} engine_version
 * @property {boolean} provisional the analysis is still running
 * @property {Segment[]} segments
 *
 * @typedef {object} Video
 * @property {string} id
 * @property {string} filename
 * @property {string} title shown instead, unless it is empty
 * @property {"video"|"image"} media_type
 * @property {"public"|"private"} visibility
 * @property {string} state
 * @property {string} uploaded_at
 * @property {number|null} duration
 * @property {number|null} size_bytes
 * @property {string|null} codec
 * @property {number|null} width
 * @property {number|null} height
 * @property {number|null} frame_rate
 * @property {string|null} sha256
 * @property {string|null} thumbnail
 * @property {string|null} media
 * @property {string|null} page
 * @property {number} progress 0..1
 * @property {string} step
 * @property {Fault|null} error
 * @property {Fault[]} warnings
 * @property {number[]} scene_cuts seconds
 * @property {Duplicate[]} duplicates
 * @property {{retry: boolean, change: boolean, delete: boolean}} allowed
 *
 * @typedef {object} Import a file that is fetched from an address
 * @property {string} id
 * @property {string} address where to ask how far it is
 * @property {string} url where it is fetched from
 * @property {"waiting"|"fetching"|"accepted"|"refused"} state
 * @property {number} received bytes
 * @property {number|null} length bytes; null where the server does not tell
 * @property {string|null} video the address of what it has become
 * @property {Fault|null} error
 *
 * @typedef {object} Found a search, under way or done; its matches are shaped like duplicates
 * @property {string|null} id
 * @property {string|null} address null for one that was answered at once
 * @property {"waiting"|"running"|"done"|"failed"} state
 * @property {number} progress 0..1
 * @property {{filename: string, media_type: string, duration: number, size_bytes: number}} query
 * @property {Fault|null} error
 * @property {boolean|null} complete
 * @property {number|null} readable seconds
 * @property {Duplicate[]} matches best first
 */
export {};
