"""The tools of the social desk. Imported only when a checked plan is about to run.

`review` and `judge` are not here: consent is the executor's to ask for, so no network can give it.
"""

from bb_core.adapters import Adapters
from bb_domains.social import moderation, reads, speech
from bb_domains.social.moderation import on_post, on_user
from bb_domains.social.world import connect, twin

ADAPTERS = Adapters(
    tools={
        "get_account": reads.get_account,
        "fetch_mentions": reads.fetch_mentions,
        "fetch_reports": reads.fetch_reports,
        "fetch_inbox": reads.fetch_inbox,
        "get_post": reads.get_post,
        "get_user": reads.get_user,
        "find_contact": reads.find_contact,
        "get_contact": reads.get_contact,
        "get_draft": reads.get_draft,
        "read_text": reads.read_text,
        "find_sent": reads.find_sent,
        "draft": speech.draft,
        "discard_draft": speech.discard_draft,
        "publish": speech.publish,
        "schedule": speech.schedule,
        "reply": speech.reply,
        "delete_post": speech.delete_post,
        "send_mail": speech.send_mail,
        "handoff": speech.handoff,
        "label_post": on_post("label", moderation.labelled),
        "unlabel_post": on_post("unlabel", moderation.unlabelled),
        "hide_post": on_post("hide", moderation.hidden),
        "unhide_post": on_post("unhide", moderation.shown),
        "limit_user": on_user("limit"),
        "unlimit_user": on_user("unlimit"),
        "suspend_user": on_user("suspend"),
    },
    connect=connect,
    twin=twin,
)
