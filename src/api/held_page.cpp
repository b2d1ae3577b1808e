// Held mail on the live page. What the operator's role may not do is not offered; the API refuses it in any case.
#include "api/held_page.hpp"

namespace postern::api {

// The outcome is drawn outside of the dialog, which makes the rest of the page inert, and is in the document from the start: a live
// region that appears together with its text is not read out by all screen readers.
const std::string_view kHeldList = R"html(  <details id="held" open hidden>
    <summary id="held-summary"><h2 id="held-title"></h2></summary>
    <ul id="held-list"></ul>
    <p id="held-more" class="meta" hidden>There are more. Decide on these first, or see all: <code>postern queue list --state held --limit 1000</code></p>
  </details>
)html";

const std::string_view kHeldDialog =
    R"html(<div id="acted" class="unseen"><span id="acted-text" role="status"></span> <button id="acted-close" type="button" aria-label="Close this notice" hidden>×</button></div>
<dialog id="decide" aria-labelledby="decide-title" aria-describedby="decide-text">
  <form id="decide-form">
    <h2 id="decide-title" tabindex="-1"></h2>
    <p id="decide-text"></p>
    <div id="decide-body"></div>
    <p id="decide-wrong" role="alert" hidden></p>
    <menu id="decide-menu"></menu>
  </form>
</dialog>
)html";

const std::string_view kHeldCss =
    R"css([hidden] { display:none !important; } :focus-visible { outline:2px solid var(--seal); outline-offset:2px; }
#held { background:var(--card); border:1px solid var(--warn); border-radius:10px; padding:.6rem .9rem; margin-bottom:.8rem; } #held summary { cursor:pointer; } #held h2 { display:inline; font-size:1rem; margin:0; }
#held-list { list-style:none; margin:.5rem 0 0; padding:0; max-height:24rem; overflow:auto; } #held-list li { border-top:1px solid var(--line); padding:.45rem .2rem; display:flex; flex-wrap:wrap; gap:.3rem .8rem; align-items:center; }
#held-list .what { flex:1 1 18rem; min-width:0; overflow-wrap:anywhere; }
main button, #acted button, dialog button { border:1px solid var(--line); border-radius:7px; background:var(--bg); color:var(--ink); cursor:pointer; } .message > button { margin-top:.5rem; }
dialog button.main { background:var(--seal); color:var(--card); border-color:var(--seal); } dialog button.grave { background:var(--bad); color:var(--card); border-color:var(--bad); } dialog button:disabled { opacity:.55; cursor:default; }
.unseen { position:absolute; width:1px; height:1px; overflow:hidden; clip-path:inset(50%); }
#acted { z-index:1; } #acted:not(.unseen) { position:fixed; bottom:1rem; left:50%; transform:translateX(-50%); width:max-content; max-width:calc(100vw - 2rem); border-radius:8px; padding:.4rem .4rem .4rem .9rem; display:flex; gap:.5rem; align-items:center; box-shadow:0 2px 12px rgb(0 0 0 / 25%); } #acted span { min-width:0; overflow-wrap:anywhere; } #acted button { background:none; color:inherit; }
dialog { border:1px solid var(--line); border-radius:12px; background:var(--card); color:var(--ink); width:40rem; max-width:calc(100vw - 1.5rem); padding:1rem; } dialog::backdrop { background:rgb(0 0 0 / 45%); }
dialog h2 { font-size:1.05rem; margin:0 0 .4rem; } dialog h2:focus, #flow:focus { outline:none; } dialog h2, dialog p, dialog li { overflow-wrap:anywhere; } dialog p { margin:.5rem 0; } dialog summary { cursor:pointer; color:var(--soft); padding:.25rem 0; }
dialog fieldset { border:1px solid var(--line); border-radius:8px; margin:.6rem 0; padding:.3rem .7rem .5rem; min-width:0; } .choices { max-height:14rem; overflow:auto; } .tick { display:flex; gap:.6rem; align-items:baseline; padding:.3rem 0; } .tick input { flex:none; } .tick span { min-width:0; overflow-wrap:anywhere; } .tick .reply { display:block; }
dialog ul { margin:.4rem 0; padding-left:1.2rem; max-height:9rem; overflow:auto; font-size:.9rem; } dialog pre { max-height:18rem; overflow:auto; margin:.3rem 0; padding:.5rem .7rem; background:var(--bg); border-radius:6px; font-size:.8rem; white-space:pre-wrap; overflow-wrap:anywhere; unicode-bidi:isolate; }
.field { display:grid; gap:.2rem; margin:.6rem 0; } .field label { color:var(--soft); font-size:.88rem; } .field input { width:100%; border:1px solid var(--line); border-radius:7px; background:var(--bg); color:var(--ink); }
#decide-wrong { color:var(--bad); background:var(--badbg); border-radius:8px; padding:.5rem .9rem; } menu { display:flex; flex-wrap:wrap; gap:.6rem; justify-content:flex-end; padding:0; margin:1rem 0 0; }
)css";

const std::string_view kHeldScript = R"js('use strict';
// Who has given the token; the role says what is offered.
let me = { name: '', role: '' };
const mostListed = 200, mostShown = 100000;
const messagePath = (id) => '/api/v1/messages/' + encodeURIComponent(id);
const inWords = (error) => error.said ? error.message : error.token ? 'the token is not accepted any more' : 'the gateway does not answer; try again when it is back';

const isDamaged = (r) => r.state === 'quarantined', isKept = (r) => r.state === 'held' || isDamaged(r);
// What policy and verdicts hold. What an admin put on hold himself has the route it had.
const byPolicy = (r) => r.state === 'held' && r.route === 'policy';
const mayDecide = (r) => isKept(r) && (me.role === 'admin' || (me.role === 'quarantine' && (byPolicy(r) || isDamaged(r))));

// ---- what is said
let closing = 0;
function say(text, kind) {
  clearTimeout(closing);
  $('acted-text').textContent = text;
  $('acted').className = text ? kind : 'unseen';
  $('acted-close').hidden = !text;
  if (kind === 'ok') closing = setTimeout(() => say(''), 10000);
}
$('acted-close').addEventListener('click', () => say(''));

// What is drawn anew keeps the focus of who works with the keyboard.
function focusAgain(key) { const again = key && document.querySelector('[data-key="' + CSS.escape(key) + '"]'); if (again) again.focus({ preventScroll: true }); return !!again; }
function focusList() { ($('held').hidden ? $('flow') : $('held-summary')).focus({ preventScroll: true }); }
function keepFocus(draw) {
  const key = document.activeElement && document.activeElement.dataset.key;
  draw();
  if (key && !focusAgain(key)) focusList();
}

// ---- the list
// One message's button: place tells the list from the flow.
function decideButton(place, id, sender, recipients) {
  const b = make('button', '', recipients.some(mayDecide) ? 'Decide…' : 'Look…');
  b.type = 'button';
  b.dataset.key = place + ' ' + id;
  b.setAttribute('aria-label', b.textContent.replace('…', '') + (recipients.some(mayDecide) ? ' on mail from ' : ' at mail from ') + (sender || 'nobody (a report)') + ', ' + id);
  b.addEventListener('click', () => openDialog(id, b.dataset.key));
  return b;
}

function heldLine(m) {
  const item = make('li'), what = make('div', 'what'), meta = make('div', 'meta');
  const first = m.entries[0].recipient, others = m.entries.length - 1;
  what.append(make('span', 'sender', m.sender || 'delivery report (from <>)'), ' to ' + first + (others ? ' and ' + counted(others, 'other', 'others') : ''));
  meta.append(when(m.accepted), ' · ' + [...new Set(m.entries.map((e) => e.reason || e.last_reply).filter(Boolean))].slice(0, 3).join('; '));
  what.append(meta);
  item.append(what, decideButton('list', m.id, m.sender, m.entries));
  return item;
}

function showHeld(entries, more) {
  if (!isNew('held', [entries, more, me])) return;
  const of = new Map();
  for (const e of entries) {
    if (!of.has(e.id)) of.set(e.id, { id: e.id, sender: e.sender, accepted: e.accepted, entries: [] });
    of.get(e.id).entries.push(e);
  }
  $('held-title').textContent = (more ? 'At least ' : '') + counted(of.size, 'message is kept back and waits', 'messages are kept back and wait') + ' for a decision';
  $('held-more').hidden = !more;
  $('held').hidden = of.size === 0;
  keepFocus(() => $('held-list').replaceChildren(...[...of.values()].map(heldLine)));
}

async function loadHeld() {
  const list = (state) => call('GET', '/api/v1/queue?limit=' + mostListed + '&state=' + state);
  const held = await list('held'), damaged = await list('quarantined');
  showHeld([...held.entries, ...damaged.entries], held.more || damaged.more);
}

// The flow tells that something changed, up to twice a second; the list is asked for less often.
let heldStale = true;
async function watchHeld() {
  if (heldStale && token() && me.role) {
    heldStale = false;
    try { await loadHeld(); } catch { heldStale = true; }  // the flow says what is wrong
  }
  setTimeout(watchHeld, 1500);
}

// ---- the dialog: first a look with the choice of recipients, then the question
let opener = '';
function complain(error) {
  if (error.token) { $('decide').close(); return askForToken(); }
  $('decide-wrong').textContent = inWords(error);
  $('decide-wrong').hidden = false;
}
const sayWrong = (text) => complain({ said: true, message: text });

function button(words, className, go) {
  const b = make('button', className, words);
  b.type = go ? 'button' : 'submit';
  if (go) b.addEventListener('click', go);
  return b;
}

let onSubmit = null;
function step(title, text, body, buttons, submit) {
  $('decide-title').textContent = title;
  $('decide-text').textContent = text;
  $('decide-body').replaceChildren(...body);
  $('decide-wrong').hidden = true;
  $('decide-menu').replaceChildren(...buttons);
  onSubmit = submit || null;
  if (!$('decide').open) $('decide').showModal();
  $('decide-title').focus();  // so that a screen reader begins with it
}
$('decide-form').addEventListener('submit', (event) => { event.preventDefault(); if (onSubmit) onSubmit(); });
$('decide').addEventListener('close', () => { if ($('login').hidden && !focusAgain(opener)) focusList(); });

async function openDialog(id, key) {
  opener = key;
  try { showMessage(await call('GET', messagePath(id)), null); }
  catch (error) { if (error.token) askForToken(); else say('It cannot be shown: ' + inWords(error), 'bad'); }
}

function tick(r, checked) {
  const box = make('label', 'tick'), control = make('input'), words = make('span', '', r.recipient);
  control.type = 'checkbox';
  control.checked = checked;
  words.append(make('span', 'reply', states[r.state].word + ': ' + (r.reason || r.last_reply || 'no reason was written down')));
  box.append(control, words);
  return { box, control, r };
}

// Why there is nothing to decide here for this role.
function whyNot(m) {
  if (!(m.queue || []).some(isKept)) return 'It is not held any more: somebody else has decided, or its time was over.';
  if (me.role === 'reader') return me.name + ' has the role reader, which looks. The roles quarantine and admin decide.';
  return 'An admin put it on hold: only an admin decides on it.';
}

async function startOf(m, entry) {
  const response = await request('GET', messagePath(m.id) + '/content?item=' + entry.item);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return text;
    text += value;
    if (text.length > mostShown) { reader.cancel(); return text.slice(0, mostShown) + '\n\n[The rest is not shown.]'; }
  }
}

// Its source, asked for only when it is unfolded: a message is somebody's.
function sourceOf(m, entry) {
  const several = new Set(m.queue.map((e) => e.item)).size > 1, box = make('details'), text = make('pre');
  box.append(make('summary', '', 'Read the message' + (several ? ', the copy for ' + entry.recipient : '') + ' (its source)'), text);
  text.tabIndex = 0;  // it scrolls
  box.addEventListener('toggle', async () => {
    if (!box.open || text.textContent) return;
    text.textContent = 'Reading…';
    try { text.textContent = await startOf(m, entry); }
    catch (error) { text.textContent = ''; box.open = false; complain(error); }
  });
  return box;
}

function chooser(ticks) {
  const set = make('fieldset'), list = make('div', 'choices');
  list.append(...ticks.map((t) => t.box));
  set.append(make('legend', '', ticks.length === 1 ? 'For this recipient' : 'For which recipients'), list);
  if (ticks.length > 1) set.append(button('All or none', '', () => { const all = ticks.every((t) => t.control.checked); for (const t of ticks) t.control.checked = !all; }));
  return set;
}

// chosen: addresses of an earlier choice; null: all.
function showMessage(m, chosen) {
  const mine = (m.queue || []).filter(mayDecide), ticks = mine.map((r) => tick(r, !chosen || chosen.has(r.recipient)));
  // Where the queue was cut, more of what is kept back may be his to decide, and shows up once these have left.
  const isLater = (r) => m.more && isKept(r), others = m.recipients.filter((r) => !isLater(r) && !mine.some((q) => q.recipient === r.address));
  const body = [facts(m), ticks.length ? chooser(ticks) : make('p', '', whyNot(m))];
  if (m.more) body.push(make('p', '', 'These are its first ' + counted(m.queue.length, 'recipient', 'recipients') + '; there are more. Decide on these, then look again.'));
  if (others.length) {
    const list = make('ul');
    list.append(...others.map((r) => make('li', '', r.address + ': ' + (states[r.state] || { word: r.state }).word + (r.reply ? ', ' + r.reply : ''))));
    body.push(make('p', 'meta', ticks.length ? 'Not to be decided here' : 'Its recipients'), list);
  }
  if (mine.length) body.push(sourceOf(m, mine[0]));
  const ask = (how) => () => {
    const wanted = ticks.filter((t) => t.control.checked).map((t) => t.r);
    if (!wanted.length) return sayWrong('Choose a recipient first.');
    if (how === ways.clear && !wanted.every(byPolicy)) return sayWrong('Only what policy holds can be sent in clear. Choose only such recipients.');
    confirmStep(m, wanted, how);
  };
  const buttons = [button(mine.length ? 'Not now' : 'Close', '', () => $('decide').close())];
  if (mine.length) buttons.push(button('Delete…', '', ask(ways.remove)));
  if (me.role === 'admin' && mine.some(byPolicy)) buttons.push(button('Release in clear…', '', ask(ways.clear)));
  if (mine.length) buttons.push(button('Release…', 'main', ask(ways.release)));
  const seen = new Date(m.accepted).toLocaleString();
  step('Mail from ' + (m.sender || '<> (a delivery report)'), m.size.toLocaleString() + ' bytes, accepted ' + seen + ', ' + m.id, body, buttons);
}

const ways = {
  release: {
    verb: 'release', go: 'Release', done: 'Released', look: 'main',
    text: 'It goes on its way now. Policy looks at it again with today’s keys and settings, and may seal it, hold it again or return it to its sender.',
    damaged: 'A stored copy that failed its integrity check is read once more, and goes out only if it passes now; else it is kept back again.',
  },
  clear: {
    verb: 'release', clear: true, go: 'Release in clear', done: 'Released in clear', look: 'grave',
    text: 'It leaves without encryption, although policy may want it encrypted: whoever carries it can read it. This holds once, for these recipients.',
  },
  remove: {
    verb: 'delete', go: 'Delete', done: 'Deleted', look: 'grave',
    text: 'These recipients never get it, and its sender is not told: nothing bounces. It cannot be brought back.',
  },
};

function reasonField() {
  const box = make('p', 'field'), label = make('label', '', 'Why (optional; it stands in the audit log)'), control = make('input');
  control.id = 'decide-reason'; control.autocomplete = 'off'; control.maxLength = 500;
  label.htmlFor = control.id;
  box.append(label, control);
  return { box, control };
}

function confirmStep(m, wanted, how) {
  const list = make('ul'), why = reasonField();
  list.append(...wanted.map((r) => make('li', '', r.recipient)));
  const text = [wanted.every(isDamaged) && how.damaged ? '' : how.text, wanted.some(isDamaged) && how.damaged || ''].filter(Boolean).join(' ');
  const go = button(how.go, how.look), back = button('Back', '', () => showMessage(m, new Set(wanted.map((r) => r.recipient))));
  step(how.go + ' for ' + counted(wanted.length, 'recipient', 'recipients') + '?', text, [list, why.box], [back, go], async () => {
    go.disabled = back.disabled = true;
    $('decide-wrong').hidden = true;
    try { await decide(m, wanted, how, why.control.value.trim()); }
    catch (error) { complain(error); }
    go.disabled = back.disabled = false;
  });
}

// One request for all of a kind when all of them are chosen, else one for each recipient.
function requestsFor(m, wanted) {
  const out = [], kinds = new Map(), kindOf = (r) => r.state + ' ' + r.route;
  for (const r of wanted) kinds.set(kindOf(r), [...(kinds.get(kindOf(r)) || []), r]);
  for (const [kind, of] of kinds) {
    const { state, route } = of[0], whole = !m.more && of.length === m.queue.filter((r) => kindOf(r) === kind).length;
    if (whole) { out.push({ body: { id: m.id, state, route }, count: of.length }); continue; }
    for (const address of new Set(of.map((r) => r.recipient)))
      out.push({ body: { id: m.id, state, route, recipient: address }, count: of.filter((r) => r.recipient === address).length });
  }
  return out;
}

// Throws only when nothing was done; else what went wrong is said with what was done.
async function decide(m, wanted, how, reason) {
  let done = 0, wrong = null;
  for (const one of requestsFor(m, wanted)) {
    try { done += (await call('POST', '/api/v1/queue/' + how.verb, { ...one.body, reason, ...(how.clear ? { in_clear: true } : {}) })).changed; }
    catch (error) { wrong = error; break; }
  }
  if (!done && wrong) throw wrong;
  const whom = wanted.length === 1 ? wanted[0].recipient : counted(done, 'recipient', 'recipients');
  $('decide').close();
  if (wrong) say(how.done + ' for ' + done + ' of ' + wanted.length + ' recipients. Then it was refused: ' + inWords(wrong), 'bad');
  else if (!done) say('Nothing was changed: it is not held any more. Somebody else has decided, or its time was over.', 'warn');
  else if (done < wanted.length) say(how.done + ' for ' + done + ' of ' + wanted.length + ' recipients. The others are not held any more: somebody else has decided.', 'warn');
  else say(how.done + ' for ' + whom + '.' + (how.verb === 'release' ? ' The flow shows what becomes of it.' : ''), 'ok');
  heldStale = false;
  try { await loadHeld(); } catch { heldStale = true; }
}

watchHeld();
)js";

}  // namespace postern::api
