// What can be done with a message of the X.400 mailbox. What leaves, or is lost, is asked about first.
#include "api/x400_page.hpp"

namespace postern::api {

const std::string_view kX400ActsScript = R"js('use strict';
// ---- what is said
// By itself it goes away only when all is well.
let closing = 0;
function say(text, kind) {
  clearTimeout(closing);
  $('acted-text').textContent = text;
  $('acted').className = kind || '';
  $('acted').hidden = text === '';
  if (kind === 'ok') closing = setTimeout(() => say(''), 8000);
}
const inWords = (error) => error.said ? error.message : error.token ? 'the token is not accepted any more' : 'the gateway does not answer; try again when it is back.';
function complain(what, error) {
  if (error.token) askForToken();
  else say(what + inWords(error), 'bad');
}

// ---- what is asked
function pick(label, options, value) {
  const box = make('p', 'field'), select = make('select'), name = make('label', '', label);
  for (const [key, words] of options) { const option = make('option', '', words); option.value = key; option.selected = key === value; select.append(option); }
  return labelled(box, name, select);
}
function entry(label, type) { const input = make('input'); input.type = type || 'text'; input.autocomplete = 'off'; return labelled(make('p', 'field'), make('label', '', label), input); }
let fieldCount = 0;
function labelled(box, label, control) {
  control.id = 'ask-' + ++fieldCount;
  label.htmlFor = control.id;
  box.append(label, control);
  return { box, control };
}
function tick(label, checked) {
  const box = make('label', 'tick'), control = make('input');
  control.type = 'checkbox'; control.checked = checked;
  box.append(control, make('span', '', label));
  return { box, control };
}
function listed(texts) { const list = make('ul'); list.append(...texts.map((t) => make('li', '', t))); return list; }

// question: title, text, fields (elements), go (the word on the button), grave (something is lost), run: does it; what it throws is said in the dialog.
function ask(question) {
  $('ask-title').textContent = question.title;
  $('ask-text').textContent = question.text || '';
  $('ask-fields').replaceChildren(...(question.fields || []));
  $('ask-wrong').hidden = true;
  $('ask-go').textContent = question.go;
  $('ask-go').className = question.grave ? 'grave' : 'main';
  $('ask-go').disabled = false;
  asking = question;
  $('ask').showModal();
}
let asking = null;

async function answered(event) {
  event.preventDefault();
  const question = asking;
  $('ask-go').disabled = true;
  $('ask-wrong').hidden = true;
  try {
    await question.run();
    if (asking === question) $('ask').close();
  } catch (error) {
    if (asking !== question) return;
    if (error.token) { $('ask').close(); return askForToken(); }
    $('ask-wrong').textContent = inWords(error);
    $('ask-wrong').hidden = false;
  }
  $('ask-go').disabled = false;
}
$('ask-form').addEventListener('submit', answered);
$('ask-no').addEventListener('click', () => $('ask').close());
$('acted-close').addEventListener('click', () => say(''));

// ---- acts
// Does it, says so, and shows what came of it. then: where to look afterwards, unless one has gone elsewhere meanwhile.
async function act(method, path, body, words, then) {
  const here = location.hash;
  const answer = await call(method, path, body);
  if (answer.done === false) say(answer.text, 'warn');  // the peer has not answered yet
  else say(typeof words === 'function' ? words(answer) : words, 'ok');
  if (then && location.hash === here && then(answer) !== here) location.hash = then(answer); else follow();
  return answer;
}
const there = (m) => link({ folder: m.folder, message: m.id });
const quoted = (m) => '“' + titleOf(m) + '”';

function withWhom(m) {
  const all = m.recipients ? m.recipients.map((r) => (r.kind && r.kind !== 'to' ? r.kind + ' ' : '') + r.address) : m.to || [];
  return { all, words: counted(all.length, 'recipient', 'recipients') };
}

const strategies = [
  ['', 'as the configuration says (submit.default_strategy)', ''],
  ['0', '0 immediate', 'It is submitted at once.'],
  ['1', '1 with trace', 'At once, and each step is kept, to be looked at here.'],
  ['2', '2 deferred', 'Submitted at once with a delivery time that the message transfer system waits for. Until then it can be taken back where the peer can do that.'],
  ['3', '3 with stored copy', 'A copy is in “sent” before anything leaves; what is submitted is read from it, and it is checked once more afterwards.'],
  ['4', '4 quarantine', 'It does not leave: it waits until somebody approves it.'],
  ['5', '5 pass-through', 'For a content that was given in a file: its octets are not touched.'],
];

// The time that a form's field has, as the API wants it; nothing where it is empty.
const timeIn = (control) => control.value ? new Date(control.value).toISOString().replace(/\.\d+Z$/, 'Z') : undefined;
// The other way, in the minutes of this place.
const inControl = (time) => { const at = new Date(time); return new Date(at - at.getTimezoneOffset() * 60000).toISOString().slice(0, 16); };

function askSubmit(m) {
  const to = withWhom(m), how = pick('How', strategies.map((s) => s.slice(0, 2)), later(m.deferred_until) ? '2' : ''), until = entry('Not to be delivered before', 'datetime-local'), explained = make('p', 'soft');
  explained.setAttribute('aria-live', 'polite');
  if (later(m.deferred_until)) until.control.value = inControl(m.deferred_until);
  const chosen = () => {
    until.box.hidden = how.control.value !== '2';
    until.control.required = !until.box.hidden;
    explained.textContent = strategies.find((s) => s[0] === how.control.value)[2];
  };
  how.control.addEventListener('change', chosen);
  chosen();
  ask({
    title: 'Submit ' + quoted(m) + '?', text: 'It goes out to ' + to.words + ':', fields: [listed(to.all), how.box, explained, until.box], go: 'Submit',
    run: () => {
      const body = { version: m.version };  // what is shown, and nothing else, goes out
      if (how.control.value) body.strategy = Number(how.control.value);
      if (!until.box.hidden) body.deferred_until = timeIn(until.control);
      return act('POST', messagePath(m.id) + '/submit', body, (after) => after.state === 'held' ? 'It waits in quarantine for approval.' : 'It is on its way.', there);
    },
  });
}

function askApprove(m) {
  const to = withWhom(m);
  ask({ title: 'Approve ' + quoted(m) + '?', text: 'It is submitted at once to ' + to.words + ':', fields: [listed(to.all)], go: 'Approve and submit',
    run: () => act('POST', messagePath(m.id) + '/approve', { version: m.version }, 'Approved: it is on its way.') });
}

function askRefuse(m) {
  const why = entry('Why (its author reads it)');
  ask({ title: 'Refuse ' + quoted(m) + '?', text: 'It goes back to the drafts and does not leave.', fields: [why.box], go: 'Refuse', grave: true,
    run: () => act('POST', messagePath(m.id) + '/refuse', { reason: why.control.value.trim(), version: m.version }, 'Refused: it lies in the drafts.') });
}

function askCancel(m) {
  ask({ title: 'Take back ' + quoted(m) + '?', text: 'The peer is asked to cancel it before its delivery time. Whom it is for will not get it.', go: 'Take it back', grave: true,
    run: () => act('POST', messagePath(m.id) + '/cancel', undefined, 'It was taken back.') });
}

function askResolve(m) {
  const as = pick('What is known', [['', 'choose…'], ['submitted', 'The peer has it'], ['failed', 'The peer surely does not have it']], '');
  as.control.required = true;
  ask({ title: 'What became of ' + quoted(m) + '?', text: 'Ask the peer’s operator first. When it is said to have failed and is submitted again although the peer has it, its recipients get it twice.', fields: [as.box], go: 'Settle it', grave: true,
    run: () => act('POST', messagePath(m.id) + '/resolve', { as: as.control.value }, 'Settled.') });
}

function askMove(m) {
  const names = folderNames.filter((name) => !['outbox', 'quarantine', 'drafts', m.folder].includes(name));
  const where = pick('Folder', names.map((name) => [name, name]), names[0]);
  ask({ title: 'Move ' + quoted(m), fields: [where.box], go: 'Move',
    run: () => act('POST', messagePath(m.id) + '/move', { folder: where.control.value }, (after) => 'Moved to ' + after.folder + '.', () => listAgain(m.folder)) });
}

function archive(m) { return act('POST', messagePath(m.id) + '/archive', undefined, 'It lies in the archive now.', () => listAgain(m.folder)); }

function askDelete(m) {
  const came = m.state === 'received', unread = came && m.kind === 'message' && !m.opened;
  const store = tick('in the message store as well', false), tell = tick('If its sender asked for it, tell him that it was not read (non-receipt notification)', true);
  ask({
    title: 'Delete ' + quoted(m) + '?', text: 'It cannot be brought back.' + (m.state === 'submitted' ? ' That it was sent is not undone by it, and what is reported of it finds it no more.' : ''),
    fields: [...(came ? [store.box] : []), ...(unread ? [tell.box] : [])], go: 'Delete', grave: true,
    run: () => act('DELETE', messagePath(m.id) + '?' + new URLSearchParams({ ...(store.control.checked ? { store: 1 } : {}), ...(unread && !tell.control.checked ? { receipt: 0 } : {}) }),
                   undefined, 'Deleted.', () => listAgain(m.folder)),
  });
}

function button(words, go, className) {
  const b = make('button', className || '', words);
  b.type = 'button';
  b.dataset.key = words;
  b.addEventListener('click', () => Promise.resolve(go()).catch((error) => complain('', error)));
  return b;
}

// What the state allows.
function acts(m) {
  const out = [], may = (names) => names.includes(m.state);
  if (may(['draft', 'refused', 'failed', 'cancelled'])) out.push(button('Submit…', () => askSubmit(m), 'main'));
  if (may(['draft', 'refused', 'failed', 'cancelled']) && m.kind === 'message') out.push(button('Edit', () => { location.hash = link({ write: 'edit', message: m.id }); }));
  if (may(['held'])) out.push(button('Approve…', () => askApprove(m), 'main'), button('Refuse…', () => askRefuse(m)));
  if (may(['unknown'])) out.push(button('Settle its outcome…', () => askResolve(m)));
  if (may(['submitted']) && later(m.deferred_until)) out.push(button('Take back…', () => askCancel(m)));
  if (may(['received']) && m.kind === 'message') out.push(button('Reply', () => { location.hash = link({ write: 'reply', message: m.id }); }));
  const done = may(['received', 'refused', 'failed', 'submitted', 'cancelled']);
  if (done && m.folder !== 'archive') out.push(button('Archive', () => archive(m)));
  if (done) out.push(button('Move…', () => askMove(m)));
  if (done || may(['draft'])) out.push(button('Delete…', () => askDelete(m)));
  const box = make('div', 'acts');
  box.append(...out);
  return box;
}

// A message that asks for a receipt is not opened by looking at it: whoever reads it says whether the sender hears of it.
function receiptQuestion(m, view) {
  if (bySender(m) || m.opened || !m.receipt_requested) return [];
  const box = make('div', 'say warn'), bar = make('div', 'bar');
  const go = (receipt) => act('POST', messagePath(m.id) + '/open', { receipt }, receipt ? 'Opened; a receipt notification goes out.' : 'Opened; no receipt notification is sent.');
  bar.append(button('Open and send a receipt', () => go(true), 'main'), button('Open without a receipt', () => go(false)));
  if (!view) bar.append(button('Look without opening', () => lookAt(m), 'quiet'));
  box.append(make('p', '', 'Its sender asks to hear when it is read. Opening it sends a receipt notification; opened without one, none is ever sent.'), bar);
  return [box];
}

async function accessNow() {
  $('access').disabled = true;
  say('Asking the message store…');
  try {
    const got = { messages: 0, reports: 0, notifications: 0, ...await call('POST', api + 'access', { wait: 60 }) }, came = [counted(got.messages, 'message', 'messages'), counted(got.reports, 'report', 'reports'), counted(got.notifications, 'notification', 'notifications')];
    const words = ['Came in: ' + came.join(', ') + '.', got.known ? got.known.toLocaleString() + ' were here already.' : '', got.damaged ? got.damaged.toLocaleString() + ' could not be taken and stay in the store.' : '', got.done === false ? 'It is not complete.' : '', got.text];
    say(words.filter(Boolean).join(' '), got.damaged || got.done === false ? 'warn' : 'ok');
    follow();
  } catch (error) { complain('Nothing came in: ', error); }
  $('access').disabled = false;
}

function askFolder() {
  const name = entry('Name');
  name.control.required = true; name.control.maxLength = 64;
  ask({ title: 'A new folder', fields: [name.box], go: 'Make it',
    run: () => act('POST', api + 'folders', { name: name.control.value.trim() }, (made) => 'There is a folder ' + made.name + '.', (made) => link({ folder: made.name })) });
}

function askRemoveFolder(name) {
  ask({ title: 'Remove the folder ' + name + '?', text: 'It is empty.', go: 'Remove', run: () => act('DELETE', api + 'folders/' + encodeURIComponent(name), undefined, 'Removed.', () => link({ folder: 'inbox' })) });
}
)js";

}  // namespace postern::api
