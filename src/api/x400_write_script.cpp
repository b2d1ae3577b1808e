// Writing a message of the X.400 mailbox. The form keeps what is in it while one looks at other things.
#include "api/x400_page.hpp"

namespace postern::api {

const std::string_view kX400WriteScript = R"js('use strict';
const linesOf = (id) => $(id).value.split('\n').map((l) => l.trim()).filter(Boolean);

// The octets of a file in base64, without the head of a data: address.
const base64Of = (file) => new Promise((done, failed) => {
  const reader = new FileReader();
  reader.onload = () => done(reader.result.slice(reader.result.indexOf(',') + 1));
  reader.onerror = () => failed(Object.assign(new Error('the file ' + file.name + ' cannot be read; choose it again'), { said: true }));
  reader.readAsDataURL(file);
});

// Fields of the form, by their names in the API: how each is read and shown again. What is left empty is the usual.
const ways = {
  lines: { get: (e) => linesOf(e.id), set: (e, value) => { e.value = (value || []).join('\n'); } },
  words: { get: (e) => e.value.split(/[\s,]+/).filter(Boolean), set: (e, value) => { e.value = (value || []).join(' '); } },
  text: { get: (e) => e.value, set: (e, value) => { e.value = value || ''; } },
  trimmed: { get: (e) => e.value.trim() || null, set: (e, value) => { e.value = value || ''; } },
  choice: { get: (e) => e.value || null, set: (e, value) => { e.value = value || (e.options[0] ? e.options[0].value : ''); } },
  time: { get: (e) => timeIn(e) || null, set: (e, value) => { e.value = value ? inControl(value) : ''; } },
  number: { get: (e) => e.value === '' ? null : Number(e.value), set: (e, value) => { e.value = value === null || value === undefined ? '' : value; } },
  tick: { get: (e) => e.checked, set: (e, value) => { e.checked = Boolean(value); } },
};
const envelopeFields = { to: 'lines', cc: 'lines', bcc: 'lines', report: 'choice', receipt: 'choice', priority: 'choice', importance: 'choice', latest_delivery: 'time', content_identifier: 'trimmed', precedence: 'number', alternate: 'trimmed', reply_requested: 'tick', return_message: 'tick' };
// A content from a file has a heading of its own.
const headingFields = { subject: 'text', text: 'text', sensitivity: 'choice', expires: 'time', reply_by: 'time', auto_submitted: 'choice', languages: 'words', reply_to: 'trimmed', obsoletes: 'lines', related: 'lines', reply_recipients: 'lines', authorizing_users: 'lines' };
const flagWords = {
  disclose_recipients: 'Each recipient is told of the others', conversion_prohibited: 'Nobody on the way converts it', alternate_allowed: 'A recipient’s domain may give it to an alternate recipient',
  return_content: 'Reports of non-delivery bring the content back', expansion_prohibited: 'It is not sent on to the members of distribution lists', reassignment_prohibited: 'It is not redirected to whom a recipient named in his place',
};
const flagTicks = Object.entries(flagWords).map(([name, words]) => ({ name, ...tick(words, false) }));
$('w-flags').append(...flagTicks.map((t) => t.box));

function gather(fields, body) { for (const [name, way] of Object.entries(fields)) body[name] = ways[way].get($('w-' + name)); }
function show(fields, form) { for (const [name, way] of Object.entries(fields)) ways[way].set($('w-' + name), form[name]); }

// The body of POST and PATCH messages.
async function written() {
  const body = { flags: flagTicks.filter((t) => t.control.checked).map((t) => t.name) }, raw = $('w-content').files[0];
  gather(envelopeFields, body);
  if (raw) return { ...body, content: { base64: await base64Of(raw), type: $('w-type').value.trim() } };
  if (editing && editing.given) return body;  // its content stays
  gather(headingFields, body);
  const kept = editing ? editing.kept.filter((k) => k.control.checked).map((k) => ({ part: k.part })) : [];
  body.attachments = [...kept, ...await Promise.all([...$('w-files').files].map(async (file) => ({ name: file.name, base64: await base64Of(file) })))];
  return body;
}

let answering = null;  // the message that is replied to
let editing = null;    // the draft that is changed: id, version, given (its content came from a file), kept (its attachments)
function forget() {
  $('write').reset();
  for (const name of ['copies', 'raw', 'heading', 'envelope']) $('w-' + name).open = false;
  $('w-own').hidden = $('w-heading').hidden = false;
  $('w-wrong').hidden = $('w-again').hidden = true;
  $('w-kept').replaceChildren();
  answering = editing = null;
  entitle();
}
function entitle() {
  $('w-title').textContent = editing ? 'Change a draft' : 'New message';
  $('w-keep').textContent = editing ? 'Keep the change' : 'Keep as draft';
}

const isEmpty = () => !editing && !$('w-to').value && !$('w-cc').value && !$('w-bcc').value && !$('w-subject').value && !$('w-text').value && !$('w-files').files.length && !$('w-content').files.length;

async function keepDraft(then) {
  if (!$('write').reportValidity()) return;
  $('w-keep').disabled = $('w-submit').disabled = true;
  $('w-wrong').hidden = $('w-again').hidden = true;
  try {
    const body = await written(), draft = editing ? await call('PATCH', messagePath(editing.id), { ...body, version: editing.version }) : await call('POST', api + 'messages', body);
    views.delete(draft.id);
    forget();
    say('It lies in the drafts.', 'ok');
    location.hash = there(draft);
    if (then) then(draft);
  } catch (error) {
    if (error.token) askForToken();
    $('w-wrong').textContent = 'It was not kept: ' + inWords(error);
    $('w-wrong').hidden = false;
    $('w-again').hidden = !(editing && error.status === 409);
    $('w-wrong').scrollIntoView({ block: 'nearest' });
  }
  $('w-keep').disabled = $('w-submit').disabled = false;
}

function drop() {
  const leave = () => { const was = editing; forget(); location.hash = was ? link({ message: was.id }) : link({ folder: 'inbox' }); };
  if (isEmpty()) return leave();
  if (editing) return ask({ title: 'Leave the draft as it was?', text: 'What you changed here is nowhere else.', go: 'Leave it', grave: true, run: async () => leave() });
  ask({ title: 'Discard what is written?', text: 'It is nowhere else.', go: 'Discard', grave: true, run: async () => leave() });
}

// What a reply begins with, unless something is written already.
async function beginReply(id) {
  if (answering === id) return;
  if (!isEmpty()) return say('There is an unfinished message here. Keep or discard it, and reply then.', 'warn');
  const m = await call('GET', messagePath(id));
  answering = id;
  if (m.ipm_identifier) $('w-reply_to').value = id;
  $('w-to').value = m.from;
  $('w-subject').value = /^re:/i.test(m.subject) ? m.subject : 'Re: ' + m.subject;
  $('w-text').focus();
}

// A draft as it lies here, to be changed; unless something is written already.
async function beginEdit(id, again) {
  if (editing && editing.id === id && !again) return;
  if (!isEmpty() && !again) return say('There is an unfinished message here. Keep or discard it first.', 'warn');
  const form = await call('GET', messagePath(id) + '/draft');
  forget();
  editing = { id, version: form.version, given: Boolean(form.content), kept: form.attachments.map((a) => ({ part: a.part, ...tick('keep ' + a.name + ' (' + size(a.octets) + ')', true) })) };
  entitle();
  show(envelopeFields, form);
  show(headingFields, form);
  for (const t of flagTicks) t.control.checked = form.flags.includes(t.name);
  $('w-kept').append(...editing.kept.map((k) => k.box));
  $('w-copies').open = form.cc.length + form.bcc.length > 0;
  $('w-raw').open = editing.given;
  if (form.content) $('w-type').value = form.content.type;
  $('w-own').hidden = $('w-heading').hidden = editing.given;
  $('w-to').focus();
}
function beginNew() {
  if (!editing) return;
  say('A draft is being changed here. Keep the change or leave it first.', 'warn');
  location.hash = link({ write: 'edit', message: editing.id });
}

$('write').addEventListener('submit', (event) => { event.preventDefault(); keepDraft(askSubmit); });
$('w-keep').addEventListener('click', () => keepDraft());
$('w-drop').addEventListener('click', drop);
$('w-again').addEventListener('click', () => beginEdit(editing.id, true).catch((error) => complain('', error)));
$('w-content').addEventListener('change', () => { $('w-own').hidden = $('w-heading').hidden = $('w-content').files.length > 0 || Boolean(editing && editing.given); });
)js";

}  // namespace postern::api
