"""What people make of a found duplicate, and who has rights in what."""

from moderation.claim_rows import Claim as Claim
from moderation.flag_rows import Draft as Draft
from moderation.flag_rows import Flag as Flag
from moderation.flag_rows import Lease as Lease
from moderation.flag_rows import Queue as Queue
from moderation.ledger_rows import Decision as Decision
from moderation.ledger_rows import Event as Event
from moderation.ledger_rows import FrozenPicture as FrozenPicture
from moderation.looking_row import Looking as Looking
from moderation.notice_row import Notice as Notice
from moderation.preference_row import Preference as Preference
from moderation.rights_rows import Policy as Policy
from moderation.rights_rows import Reference as Reference
from moderation.rights_rows import RightsHolder as RightsHolder
from moderation.rule_rows import AllowRule as AllowRule
from moderation.saved_row import SavedView as SavedView
