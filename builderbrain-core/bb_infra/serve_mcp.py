"""A domain's plan tool, offered to any MCP client over stdio; its raw tools are not.

The client sends a plan; it is read, checked and carried out through the ordinary line, with
consent, ledger and durable execution. A refusal comes back with its violations as structured
content. Consent is asked of the client's person: by elicitation before protocol 2026-07-28, since
then by an input-required result that the client answers when it calls again.
Not covered: a client that answers in its person's place. Then only the rules stand.
"""

import json
import secrets
from typing import Any

import anyio
import anyio.to_thread
import mcp_types as types
from mcp.server import Server
from mcp.server.context import ServerRequestContext
from mcp.server.stdio import stdio_server
from mcp_types.version import is_version_at_least

from bb_core.compiled import Compiled
from bb_infra.plan_session import BY, PlanSession, Question, Told, Work
from bb_runtime.approve import Decision
from bb_runtime.prompt import system

TOOL = "plan"
ASKS_AGAIN = "2026-07-28"
"""The first protocol version whose calls are answered with what is missing."""
_FORM: dict[str, Any] = {
    "type": "object",
    "properties": {"approve": {"type": "boolean", "description": "Consent to exactly these calls"}},
    "required": ["approve"],
}
_INPUT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "plan": {
            "description": "The plan: its text in the domain's language, or its list of steps.",
            "anyOf": [{"type": "string"}, {"type": "array"}, {"type": "object"}],
        },
        "only_check": {"type": "boolean", "default": False, "description": "Judge it, do nothing."},
    },
    "required": ["plan"],
    "additionalProperties": False,
}
_ROW = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in ("rule", "step", "found", "fix")},
    "required": ["rule", "step", "found", "fix"],
}
_STEP = {
    "type": "object",
    "properties": {
        **{name: {"type": "string"} for name in ("step", "tool", "status", "why")},
        "result": {},
    },
    "required": ["step", "tool", "status"],
}
_OUTPUT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "end": {"enum": ["done", "checked", "refused", "failed", "parked"]},
        "run": {"type": "string"},
        "plan": {"type": "string"},
        "why": {"type": "string"},
        "guards": {"type": "array", "items": {"type": "string"}},
        "violations": {"type": "array", "items": _ROW},
        "steps": {"type": "array", "items": _STEP},
    },
    "required": ["end", "violations", "steps"],
}
_HEAD = (
    "Carry out a plan. It is checked first: a refused plan does nothing, and says which rules it "
    "breaks. Steps that change something need consent, which is asked of the person. All plans of "
    "this session count as one run."
)

Context = ServerRequestContext[Any, Any]
Answer = types.CallToolResult | types.InputRequiredResult


class PlanServer:
    """The server's two handlers, and the plans that wait for consent."""

    def __init__(self, compiled: Compiled, session: PlanSession) -> None:
        self.compiled, self.session = compiled, session
        self._waiting: dict[str, tuple[Work, Question]] = {}

    def server(self) -> Server[Any]:
        """The MCP server, not yet running."""
        return Server(
            f"builderbrain-{self.compiled.name}",
            version=self.compiled.version,
            on_list_tools=self.listed,
            on_call_tool=self.called,
        )

    async def listed(self, ctx: Context, params: Any) -> types.ListToolsResult:
        """One tool, described as a model is told the domain."""
        example = json.dumps([{"id": "n1", "tool": "NAME", "args": {}, "after": []}])
        about = f"{_HEAD}\n{system(self.compiled)}\nA plan as JSON: {example}"
        tool = types.Tool(
            name=TOOL,
            description=about,
            input_schema=_INPUT,
            output_schema=_OUTPUT,
            annotations=types.ToolAnnotations(
                read_only_hint=False, destructive_hint=True, idempotent_hint=False
            ),
        )
        return types.ListToolsResult(tools=[tool])

    async def called(self, ctx: Context, params: types.CallToolRequestParams) -> Answer:
        """A plan begun, or gone on with after its consent was answered."""
        if params.name != TOOL:
            return _result(_wrong(f"no tool {params.name!r}; this server offers {TOOL}"))
        if params.request_state:
            waiting = self._waiting.pop(params.request_state, None)
            if waiting is None:
                return _result(_wrong("that plan no longer waits for consent"))
            work, question = waiting
            question.reply.put(_decision((params.input_responses or {}).get("consent")))
            return await self._on(ctx, work)
        args = params.arguments or {}
        if "plan" not in args or args.keys() - {"plan", "only_check"}:
            return _result(_wrong("the arguments are plan and only_check"))
        return await self._on(
            ctx, self.session.begin(args["plan"], only_check=args.get("only_check") is True)
        )

    async def _on(self, ctx: Context, work: Work) -> Answer:
        """Follow a plan to its end, or to a question that only another call can answer.

        A call that the client cancels stops the plan before its next step.
        """
        try:
            return await self._followed(ctx, work)
        except anyio.get_cancelled_exc_class():
            work.stop()
            raise

    async def _followed(self, ctx: Context, work: Work) -> Answer:
        while True:
            event = await anyio.to_thread.run_sync(work.next, abandon_on_cancel=True)
            if isinstance(event, Told):
                return _result(event)
            if not _can_ask(ctx):
                why = "the client cannot ask its person (no form elicitation)"
                event.reply.put(Decision(False, BY, why))
            elif is_version_at_least(ctx.protocol_version, ASKS_AGAIN):
                token = secrets.token_hex(16)
                self._waiting[token] = (work, event)
                asked = types.ElicitRequest(params=_form(event))
                return types.InputRequiredResult(
                    input_requests={"consent": asked}, request_state=token
                )
            else:
                event.reply.put(await _elicited(ctx, event))


def _can_ask(ctx: Context) -> bool:
    """Whether the client takes forms; a bare `elicitation: {}` means that it does."""
    told = ctx.session.client_capabilities
    asks = told.elicitation if told else None
    return asks is not None and (asks.form is not None or asks.url is None)


def _form(question: Question) -> types.ElicitRequestFormParams:
    return types.ElicitRequestFormParams(message=question.text, requested_schema=_FORM)


async def _elicited(ctx: Context, question: Question) -> Decision:
    try:
        given = await ctx.session.elicit_form(question.text, _FORM, ctx.request_id)
    except Exception as error:
        return Decision(False, BY, f"the client could not ask: {error}")
    return _decision(given)


def _decision(given: Any) -> Decision:
    """Yes only for an accepted form whose `approve` is true."""
    content = getattr(given, "content", None) or {}
    accepted = getattr(given, "action", "") == "accept" and content.get("approve") is True
    return Decision(accepted, BY, "" if accepted else f"{getattr(given, 'action', 'no answer')}")


def _wrong(found: str) -> Told:
    row: Any = {"rule": "S.call", "step": "", "found": found, "fix": ""}
    return Told({"end": "refused", "violations": [row], "steps": []}, True)


def _result(told: Told) -> types.CallToolResult:
    text = json.dumps(told.body, ensure_ascii=False)
    return types.CallToolResult(
        content=[types.TextContent(type="text", text=text)],
        structured_content=told.body,
        is_error=told.bad,
    )


def serve(compiled: Compiled, session: PlanSession) -> None:
    """Serve one client on this process's stdin and stdout until it leaves."""

    async def main() -> None:
        server = PlanServer(compiled, session).server()
        try:
            async with stdio_server() as (read, write):
                await server.run(read, write, server.create_initialization_options())
        finally:
            session.stop()  # the client is gone: nobody is there to be asked or told

    anyio.run(main)
