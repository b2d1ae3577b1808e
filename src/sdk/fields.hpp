// Each value's fields in their order, said once: writer and reader of the frames (wire.hpp) both go by this.
#pragma once

#include "sdk/values.hpp"

namespace postern::sdk {

// clang-format off
template <class A> void fields(A& a, Attribute& v) { a(v.critical, v.type, v.value); }
template <class A> void fields(A& a, Identity& v) { a(v.vendor, v.product, v.version, v.notes); }
template <class A> void fields(A& a, Health& v) { a(v.state, v.words, v.associations); }
template <class A> void fields(A& a, Association& v) { a(v.life, v.handle); }
template <class A> void fields(A& a, Binding& v) { a(v.association, v.peer_name, v.waiting); }
template <class A> void fields(A& a, Recipient& v) { a(v.address, v.alternate, v.report); }
template <class A> void fields(A& a, Submission& v) {
  a(v.strategy, v.priority, v.flags, v.originator, v.content_type, v.content_identifier, v.deferred_until, v.latest_delivery,
    v.encoded_types, v.recipients, v.extensions, v.content_size);
}
template <class A> void fields(A& a, Submitted& v) { a(v.mts_identifier, v.content_identifier, v.time); }
template <class A> void fields(A& a, Wanted& v) { a(v.fields, v.attributes); }
template <class A> void fields(A& a, Filter& v) {
  a(v.entry_classes, v.statuses, v.priorities, v.not_before, v.before, v.originator_contains, v.subject_contains);
}
template <class A> void fields(A& a, Entry& v) {
  a(v.sequence, v.entry_class, v.status, v.priority, v.content_size, v.time, v.originator, v.subject, v.content_type, v.mts_identifier,
    v.ipm_identifier, v.attributes);
}
template <class A> void fields(A& a, EntryList& v) { a(v.entries, v.next); }
template <class A> void fields(A& a, Summary& v) { a(v.total, v.lowest, v.highest, v.by_status[0], v.by_status[1], v.by_status[2]); }
template <class A> void fields(A& a, ReportRecipient& v) { a(v.address, v.information, v.delivered, v.reason, v.diagnostic, v.time); }
template <class A> void fields(A& a, Report& v) { a(v.subject_identifier, v.content_identifier, v.recipients); }
template <class A> void fields(A& a, Fetched& v) { a(v.entry, v.report, v.content_size); }
template <class A> void fields(A& a, AutoAction& v) { a(v.kind, v.id, v.remove, v.filter, v.address, v.parameter); }
template <class A> void fields(A& a, Event& v) { a(v.kind, v.sequence, v.report, v.words); }
template <class A> void fields(A&, Done&) {}

template <class A> void fields(A& a, Open& v) { a(v.profile, v.settings); }
template <class A> void fields(A&, Identify&) {}
template <class A> void fields(A&, AskHealth&) {}
template <class A> void fields(A& a, Bind& v) { a(v.role, v.peer, v.name, v.domain, v.password); }
template <class A> void fields(A& a, Unbind& v) { a(v.association); }
template <class A> void fields(A& a, Submit& v) { a(v.association, v.submission); }
template <class A> void fields(A& a, Probe& v) { a(v.association, v.submission); }
template <class A> void fields(A& a, List& v) { a(v.association, v.from, v.to, v.limit, v.filter, v.wanted); }
template <class A> void fields(A& a, Summarize& v) { a(v.association, v.filter); }
template <class A> void fields(A& a, Fetch& v) { a(v.association, v.sequence, v.wanted, v.content); }
template <class A> void fields(A& a, Delete& v) { a(v.association, v.sequences); }
template <class A> void fields(A& a, Register& v) {
  a(v.association, v.actions, v.default_list, v.default_fetch, v.old_password, v.new_password);
}
template <class A> void fields(A& a, Poll& v) { a(v.association); }
// clang-format on

}  // namespace postern::sdk
