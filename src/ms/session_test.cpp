// The operations over a mailbox in memory: each rule of X.413 8 with the case that keeps it and the one that breaks it.
#include <gtest/gtest.h>

#include "ms/oids.hpp"
#include "ms/store_session.hpp"
#include "ms/testing/memory_mailbox.hpp"
#include "ms/testing/samples.hpp"

namespace postern::ms {
namespace {

using namespace testing;
using asn1::Any;

template <class T>
Any any(const T& value) {
  return asn1::to_any(value).value();
}
Filter item(FilterItem::Kind kind, const AttributeType& type, const Any& value) {
  Filter out;
  auto& made = out.value.emplace<Filter::Item>();
  const AttributeValueAssertion assertion{type, value};
  if (kind == FilterItem::Equality) made.value.emplace<FilterItem::Equality>(assertion);
  if (kind == FilterItem::GreaterOrEqual) made.value.emplace<FilterItem::GreaterOrEqual>(assertion);
  if (kind == FilterItem::LessOrEqual) made.value.emplace<FilterItem::LessOrEqual>(assertion);
  if (kind == FilterItem::ApproximateMatch) made.value.emplace<FilterItem::ApproximateMatch>(assertion);
  if (kind == FilterItem::Present) made.value.emplace<FilterItem::Present>(type);
  return out;
}
Filter equals(const AttributeType& type, const Any& value) { return item(FilterItem::Equality, type, value); }
Filter present(const AttributeType& type) { return item(FilterItem::Present, type, {}); }
Filter negated(Filter inner) {
  Filter out;
  out.value.emplace<Filter::Not>(std::move(inner));
  return out;
}
template <Filter::Kind K>
Filter joined(std::vector<Filter> filters) {
  Filter out;
  out.value.emplace<K>(std::move(filters));
  return out;
}
Filter substring(const AttributeType& type, std::size_t kind, std::string_view text) {
  Filter out;
  Substring one;
  const Any value = any(asn1::TeletexString(text));
  if (kind == 0) one.value.emplace<0>(value);
  if (kind == 1) one.value.emplace<1>(value);
  if (kind == 2) one.value.emplace<2>(value);
  out.value.emplace<Filter::Item>().value.emplace<FilterItem::SubstringsItem>(Substrings{type, {one}});
  return out;
}
EntryInformationSelection attributes(std::initializer_list<AttributeType> types) {
  EntryInformationSelection out;
  for (const AttributeType& each : types) out.push_back({each, {}, {}});
  return out;
}
template <class E, class T>
E error_in(const Answer<T>& answer) {
  EXPECT_FALSE(answer);
  return answer ? E{} : std::get<E>(answer.error().value);
}
template <class T>
T value_of(const EntryInformation& entry, const AttributeType& type) {
  for (const Attribute& each : entry.attributes.value_or(std::vector<Attribute>{}))
    if (each.attribute_type == type) return asn1::from_any<T>(each.attribute_values.at(0)).value();
  ADD_FAILURE() << "no attribute " << type.text();
  return {};
}

class SessionTest : public ::testing::Test {
 protected:
  MemoryMailbox mailbox;
  StoreSession session{mailbox, {}};
  StoreSession session_94{mailbox, {.version_1994 = true}};

  SequenceNumber deliver(const Sample& sample = {}, std::int64_t created = kNow) {
    return mailbox.deliver(envelope_of(sample), content_of(sample), created);
  }
  std::vector<SequenceNumber> listed(const Selector& selector) {
    ListArgument argument;
    argument.selector = selector;
    const auto answer = session.list(argument);
    std::vector<SequenceNumber> out;
    if (!answer) ADD_FAILURE() << words_of(answer.error());
    if (answer)
      for (const EntryInformation& each : answer->requested.value_or(std::vector<EntryInformation>{})) out.push_back(each.sequence_number);
    return out;
  }
  std::vector<SequenceNumber> filtered(Filter filter) {
    Selector selector;
    selector.filter = std::move(filter);
    return listed(selector);
  }
  RetrievalStatus status(SequenceNumber number) { return mailbox.find(number).value()->status; }
  static FetchArgument precise(SequenceNumber number, std::optional<EntryInformationSelection> wanted = std::nullopt) {
    FetchArgument out;
    out.item.value = number;
    out.requested_attributes = std::move(wanted);
    return out;
  }
};
using Numbers = std::vector<SequenceNumber>;

// ---- delivery
TEST_F(SessionTest, AMessageBecomesAnEntryWithItsAttributes) {
  const SequenceNumber number = deliver({.subject = "Ordre du jour", .priority = mts::Priority::Urgent});
  ListArgument argument;
  argument.requested_attributes = attributes({att::content_type, id_hat(4), id_att(31), id_att(27), att::entry_type, att::content_length,
                                              att::creation_time, att::retrieval_status, id_sat(0), att::delivered_eits});
  const auto answer = session.list(argument);
  ASSERT_TRUE(answer);
  const EntryInformation& entry = answer->requested->at(0);
  EXPECT_EQ(entry.sequence_number, number);
  EXPECT_EQ(value_of<asn1::Oid>(entry, att::content_type).text(), "2.6.1.10.1");
  EXPECT_EQ(value_of<asn1::TeletexString>(entry, id_hat(4)), "Ordre du jour");
  EXPECT_EQ(value_of<mts::Priority>(entry, id_att(31)), mts::Priority::Urgent);
  EXPECT_EQ(value_of<mts::ORName>(entry, id_att(27)), mts::testing::name_of("Smith"));
  EXPECT_EQ(value_of<EntryType>(entry, att::entry_type), EntryType::DeliveredMessage);
  EXPECT_EQ(value_of<RetrievalStatus>(entry, att::retrieval_status), RetrievalStatus::New) << "as it was when it was asked for";
  EXPECT_EQ(value_of<std::int64_t>(entry, att::content_length), static_cast<std::int64_t>(content_of({.subject = "Ordre du jour"}).size()));
  EXPECT_EQ(value_of<asn1::Oid>(entry, att::delivered_eits), id_eit(2)) << "IA5 text";
  EXPECT_EQ(entry.attributes->size(), 10U);
}

TEST_F(SessionTest, AForwardedMessageIsAChild) {
  const ipm::IPM innermost = message_of({.subject = "innermost"});
  const ipm::IPM inner = message_of({.subject = "inner", .forwarded = innermost});
  const SequenceNumber number = deliver({.subject = "outer", .forwarded = inner});
  ASSERT_EQ(mailbox.entries().size(), 3U);
  EXPECT_EQ(mailbox.find(number).value()->children, Numbers{number + 1});
  EXPECT_EQ(mailbox.find(number + 1).value()->children, Numbers{number + 2});
  EXPECT_EQ(mailbox.find(number + 2).value()->part, "2.2");
  EXPECT_EQ(listed({}), Numbers{number}) << "children only where they are asked for";
  EXPECT_EQ(listed({.child_entries = true}), (Numbers{number, number + 1, number + 2}));
  const auto fetched = session.fetch(precise(number + 2, attributes({att::content, att::parent_sequence_number})));
  ASSERT_TRUE(fetched);
  EXPECT_EQ(value_of<SequenceNumber>(*fetched->entry_information, att::parent_sequence_number), number + 1);
  const auto content = value_of<asn1::OctetString>(*fetched->entry_information, att::content);
  EXPECT_EQ(*asn1::decode<ipm::InformationObject>(content.octets).value().ipm(), innermost);
  const auto whole = session.fetch(precise(number, attributes({att::body_parts_summary})));
  const auto& values = whole->entry_information->attributes->at(0).attribute_values;
  ASSERT_EQ(values.size(), 2U);
  EXPECT_EQ(asn1::from_any<BodyPartDescriptor>(values[1]).value().this_child_entry, number + 1);
}

TEST_F(SessionTest, AReportReturnsItsContentAsAChild) {
  const SequenceNumber number = mailbox.deliver(report(), kNow);
  const auto fetched = session.fetch(precise(number + 1, attributes({att::content, att::entry_type})));
  ASSERT_TRUE(fetched);
  EXPECT_EQ(value_of<EntryType>(*fetched->entry_information, att::entry_type), EntryType::ReturnedContent);
  EXPECT_EQ(value_of<asn1::OctetString>(*fetched->entry_information, att::content).octets, content_of({}));
  const auto main = session.fetch(precise(number));
  EXPECT_TRUE(main->entry_information->attributes);
  EXPECT_EQ(status(number), RetrievalStatus::Processed) << "its envelope was fetched";
  EXPECT_EQ(mailbox.find(mailbox.deliver(report(false), kNow)).value()->children, Numbers{});
}

TEST_F(SessionTest, AContentThatCannotBeReadIsDeliveredAllTheSame) {
  for (const Bytes& broken : {Bytes{0xA0, 0x80}, Bytes{}, Bytes(100, 0xFF), Bytes{0x04, 0x01, 0x41}}) {
    const SequenceNumber number = mailbox.deliver(envelope_of({}), broken, kNow);
    const auto fetched = session.fetch(precise(number, attributes({att::content, att::body})));
    ASSERT_TRUE(fetched);
    EXPECT_EQ(value_of<asn1::OctetString>(*fetched->entry_information, att::content).octets, broken);
    EXPECT_EQ(fetched->entry_information->attributes->size(), 1U);
  }
}

TEST_F(SessionTest, OfALargeContentTheHeadingIsEnough) {
  const Bytes content = content_of({.subject = "large", .text = std::string(5000, 'x')});
  const ContentView front{ByteView(content).first(1000), content.size()};
  const SequenceNumber number = mailbox.add(entries_of(envelope_of({}), front).value(), content, kNow);
  EXPECT_EQ(filtered(equals(id_hat(4), any(asn1::TeletexString("LARGE")))), Numbers{number});
  EXPECT_TRUE(entries_of(envelope_of({}), {ByteView(content).first(20), content.size()})) << "cut inside the heading";
}

// ---- list
TEST_F(SessionTest, ListGoesOnWhereItStopped) {
  for (int i = 0; i < 10; ++i) deliver();
  ListArgument argument;
  argument.selector.limit = 4;
  Numbers seen;
  for (int page = 0; page < 3; ++page) {
    const auto answer = session.list(argument);
    ASSERT_TRUE(answer);
    for (const auto& each : *answer->requested) seen.push_back(each.sequence_number);
    EXPECT_EQ(answer->next.has_value(), page < 2);
    if (answer->next) argument.selector.range.emplace().value = NumberRange{answer->next, {}};
  }
  EXPECT_EQ(seen, (Numbers{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}));
}

TEST_F(SessionTest, AListWithoutALimitHasTheStoresOwn) {
  StoreSession small(mailbox, {.largest_list = 3});
  for (int i = 0; i < 5; ++i) deliver();
  const auto answer = small.list({});
  EXPECT_EQ(answer->requested->size(), 3U);
  EXPECT_EQ(answer->next, 4);
}

TEST_F(SessionTest, StatusOnlyGrows) {
  const SequenceNumber number = deliver();
  EXPECT_EQ(status(number), RetrievalStatus::New);
  ASSERT_TRUE(session.list({}));
  EXPECT_EQ(status(number), RetrievalStatus::Listed);
  ASSERT_TRUE(session.fetch(precise(number, attributes({id_hat(4)}))));
  EXPECT_EQ(status(number), RetrievalStatus::Listed) << "a subject is not the message";
  ASSERT_TRUE(session.fetch(precise(number)));
  EXPECT_EQ(status(number), RetrievalStatus::Processed);
  ASSERT_TRUE(session.list({}));
  EXPECT_EQ(status(number), RetrievalStatus::Processed);
}

TEST_F(SessionTest, SummarizeChangesNoStatus) {
  const SequenceNumber number = deliver();
  ASSERT_TRUE(session.summarize({}));
  EXPECT_EQ(status(number), RetrievalStatus::New);
}

TEST_F(SessionTest, RangesByTimeAndNumber) {
  for (int i = 0; i < 4; ++i) deliver({}, kNow + i * 60);
  Selector selector;
  selector.range.emplace().value = TimeRange{asn1::UtcTime::at(kNow + 60), asn1::UtcTime::at(kNow + 120)};
  EXPECT_EQ(listed(selector), (Numbers{2, 3}));
  selector.range.emplace().value = NumberRange{{}, 2};
  EXPECT_EQ(listed(selector), (Numbers{1, 2}));
  selector.range.emplace().value = NumberRange{9, {}};
  EXPECT_EQ(listed(selector), Numbers{});
}

TEST_F(SessionTest, AReversedRangeIsAnErrorOf1988) {
  deliver();
  ListArgument argument;
  argument.selector.range.emplace().value = NumberRange{2, 1};
  error_in<RangeError>(session.list(argument));
  EXPECT_FALSE(session_94.list(argument)->requested);
  argument.selector.range.emplace().value = TimeRange{asn1::UtcTime::at(kNow), asn1::UtcTime::at(kNow - 1)};
  error_in<RangeError>(session.list(argument));
  argument.selector.range.emplace().value = TimeRange{asn1::UtcTime{"nonsense"}, {}};
  error_in<InvalidParametersError>(session.list(argument));
}

TEST_F(SessionTest, Filters) {
  const SequenceNumber a = deliver({.subject = "Lieferung Mai", .originator = "Smith", .priority = mts::Priority::Urgent});
  const SequenceNumber b = deliver({.subject = "Rechnung", .originator = "Major"}, kNow + 60);
  const SequenceNumber c = mailbox.deliver(report(), kNow + 120);
  const Any urgent = any(mts::Priority::Urgent), subject = any(asn1::TeletexString("  rechnung "));
  EXPECT_EQ(filtered(equals(id_att(31), urgent)), Numbers{a});
  EXPECT_EQ(filtered(equals(id_hat(4), subject)), Numbers{b}) << "case and spaces do not count";
  EXPECT_EQ(filtered(equals(id_hat(4), any(asn1::PrintableString("RECHNUNG")))), Numbers{b}) << "nor does the string type";
  EXPECT_EQ(filtered(equals(id_att(27), any(mts::testing::name_of("SMITH")))), Numbers{a});
  EXPECT_EQ(filtered(substring(id_hat(4), 1, "ung")), (Numbers{a, b}));
  EXPECT_EQ(filtered(substring(id_hat(4), 0, "lief")), Numbers{a});
  EXPECT_EQ(filtered(substring(id_hat(4), 2, "ung")), Numbers{b});
  EXPECT_EQ(filtered(present(id_att(40))), Numbers{c});
  EXPECT_EQ(filtered(negated(present(id_att(40)))), (Numbers{a, b}));
  EXPECT_EQ(filtered(item(FilterItem::GreaterOrEqual, att::creation_time, any(asn1::UtcTime::at(kNow + 60)))), (Numbers{b, c}));
  EXPECT_EQ(filtered(item(FilterItem::LessOrEqual, att::sequence_number, any(std::int64_t{a}))), Numbers{a});
  EXPECT_EQ(filtered(item(FilterItem::ApproximateMatch, id_hat(4), subject)), Numbers{b});
  EXPECT_EQ(filtered(equals(att::entry_type, any(EntryType::DeliveredReport))), Numbers{c});
  EXPECT_EQ(filtered(joined<Filter::Or>({equals(id_att(31), urgent), equals(id_hat(4), subject)})), (Numbers{a, b}));
  EXPECT_EQ(filtered(joined<Filter::And>({equals(id_att(31), urgent), equals(id_hat(4), subject)})), Numbers{});
  EXPECT_EQ(filtered(joined<Filter::And>({})), (Numbers{a, b, c})) << "nothing to be false";
  EXPECT_EQ(filtered(joined<Filter::Or>({})), Numbers{});
  ipm::RecipientSpecifier john;
  john.recipient = ipm::testing::described(ipm::testing::john());
  EXPECT_EQ(filtered(equals(id_hat(11), any(john))), (Numbers{a, b})) << "kept apart from the row";
}

TEST_F(SessionTest, WhatIsWrongWithAFilterIsToldForEveryAttribute) {
  ListArgument argument;
  argument.selector.filter =
      joined<Filter::And>({equals(asn1::Oid{1, 2, 3}, any(true)), equals(id_att(18), any(true)), equals(id_att(31), any(true)),
                           present(att::content), item(FilterItem::LessOrEqual, id_hat(4), any(asn1::TeletexString("x")))});
  const auto error = error_in<AttributeError>(session.list(argument));
  ASSERT_EQ(error.problems.size(), 5U);
  EXPECT_EQ(error.problems[0].problem, AttributeProblem::UnavailableAttributeType);
  EXPECT_EQ(error.problems[1].problem, AttributeProblem::InappropriateMatching);
  EXPECT_EQ(error.problems[2].problem, AttributeProblem::InvalidAttributeValue);
  EXPECT_TRUE(error.problems[2].value);
  EXPECT_EQ(error.problems[3].problem, AttributeProblem::InappropriateMatching);
  EXPECT_EQ(error.problems[4].problem, AttributeProblem::InappropriateMatching) << "a subject has no order";
}

TEST_F(SessionTest, AFilterIsNested32Deep) {
  Filter filter = present(id_hat(4));
  for (int i = 1; i < 32; ++i) filter = negated(std::move(filter));
  EXPECT_TRUE(CompiledFilter::compile(filter));
  error_in<InvalidParametersError>(CompiledFilter::compile(negated(std::move(filter))));
}

TEST_F(SessionTest, ListRefusesWhatItMayNotShow) {
  ListArgument argument;
  argument.requested_attributes = attributes({att::content});
  EXPECT_EQ(error_in<AttributeError>(session.list(argument)).problems[0].problem, AttributeProblem::InappropriateForOperation);
  argument.requested_attributes = attributes({asn1::Oid{1, 2, 3}});
  EXPECT_EQ(error_in<AttributeError>(session.list(argument)).problems[0].problem, AttributeProblem::UnavailableAttributeType);
  argument = {};
  argument.selector.limit = 0;
  error_in<InvalidParametersError>(session.list(argument));
}

TEST_F(SessionTest, OtherEntryClasses) {
  ListArgument argument;
  argument.entry_class = EntryClass::Submission;
  EXPECT_EQ(error_in<ServiceError>(session.list(argument)).problem, ServiceProblem::UnwillingToPerform);
  EXPECT_EQ(error_in<EntryClassError>(session_94.list(argument)).entry_class, EntryClass::Submission);
}

TEST_F(SessionTest, SeveralValuesFromAndCount) {
  Sample sample;
  auto envelope = envelope_of(sample);
  envelope.other_fields.other_recipient_names = {mts::testing::name_of("A"), mts::testing::name_of("B"), mts::testing::name_of("C")};
  const SequenceNumber number = mailbox.deliver(envelope, content_of(sample), kNow);
  const AttributeSelection second{id_att(28), 2, 1};
  const auto answer = session_94.fetch(precise(number, EntryInformationSelection{second}));
  ASSERT_TRUE(answer);
  const EntryInformation& entry = *answer->entry_information;
  ASSERT_EQ(entry.attributes->at(0).attribute_values.size(), 1U);
  EXPECT_EQ(value_of<mts::ORName>(entry, id_att(28)), mts::testing::name_of("B"));
  EXPECT_EQ(entry.value_count_exceeded->at(0).total, 3);
  EXPECT_FALSE(session.fetch(precise(number, EntryInformationSelection{second}))->entry_information->value_count_exceeded) << "1994";
  const auto none = session.fetch(precise(number, EntryInformationSelection{{id_att(28), 9, {}}}));
  EXPECT_FALSE(none->entry_information->attributes);
}

// ---- summarize
TEST_F(SessionTest, SummarizeCountsValues) {
  deliver({.priority = mts::Priority::Urgent});
  deliver();
  deliver();
  mailbox.deliver(report(), kNow);
  SummarizeArgument argument;
  argument.summary_requests = {id_att(31), att::entry_type};
  const auto answer = session.summarize(argument);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->count, 4);
  EXPECT_EQ(answer->span, (Span{1, 4}));
  const Summary& priorities = answer->summaries->at(0);
  EXPECT_EQ(priorities.absent, 1) << "the report has none";
  ASSERT_EQ(priorities.present->size(), 2U);
  EXPECT_EQ(priorities.present->at(0).count, 2);
  EXPECT_EQ(priorities.present->at(1).count, 1);
  EXPECT_FALSE(answer->summaries->at(1).absent);
  argument.selector.limit = 3;
  EXPECT_EQ(session.summarize(argument)->next, 4);
  argument.summary_requests = {id_att(27)};
  EXPECT_EQ(error_in<AttributeError>(session.summarize(argument)).problems[0].problem, AttributeProblem::InappropriateForOperation);
}

TEST_F(SessionTest, AnEmptyMailbox) {
  const auto answer = session.summarize({});
  EXPECT_EQ(answer->count, 0);
  EXPECT_FALSE(answer->span);
  EXPECT_FALSE(session.list({})->requested);
  EXPECT_FALSE(session.fetch({})->entry_information);
  EXPECT_TRUE(session.remove({}));
}

// ---- fetch
TEST_F(SessionTest, FetchBySelectorNamesTheOthers) {
  for (int i = 0; i < 4; ++i) deliver();
  FetchArgument argument;
  std::get<Selector>(argument.item.value).limit = 3;
  const auto answer = session.fetch(argument);
  EXPECT_EQ(answer->entry_information->sequence_number, 1);
  EXPECT_EQ(answer->list, (Numbers{2, 3}));
  EXPECT_EQ(answer->next, 4);
  EXPECT_EQ(status(1), RetrievalStatus::Processed);
  EXPECT_EQ(status(2), RetrievalStatus::New);
  EXPECT_EQ(error_in<SequenceNumberError>(session.fetch(precise(99))).problems[0].sequence_number, 99);
}

TEST_F(SessionTest, RestrictionsOfTheBind) {
  const SequenceNumber number = deliver({.text = std::string(2000, 'x')});
  const auto with = [&](const Restrictions& restrictions) { return StoreSession(mailbox, {.fetch_restrictions = restrictions}); };
  const auto problem = [&](const Restrictions& restrictions) {
    StoreSession restricted = with(restrictions);
    return error_in<FetchRestrictionError>(restricted.fetch(precise(number))).problems.at(0).problem;
  };
  EXPECT_EQ(problem({.allowed_content_types = {{ipm::id_mct_p2_1984()}}}), FetchRestrictionProblem::ContentTypeProblem);
  EXPECT_EQ(problem({.allowed_eits = {{id_eit(5)}}}), FetchRestrictionProblem::EitProblem);
  EXPECT_EQ(problem({.maximum_attribute_length = 1000}), FetchRestrictionProblem::MaximumLengthProblem);
  EXPECT_EQ(status(number), RetrievalStatus::New) << "what was refused was not read";
  StoreSession restricted = with({.allowed_eits = {{id_eit(5)}}});
  EXPECT_TRUE(restricted.fetch(precise(number, attributes({id_hat(4)})))) << "only contents are restricted";
  FetchArgument search;
  std::get<Selector>(search.item.value).override_restrictions = OverrideRestrictions{OverrideRestriction::Eits};
  EXPECT_TRUE(restricted.fetch(search));
  StoreSession allowed = with({.allowed_content_types = {{ipm::id_mct_p2_1988()}}, .allowed_eits = {{id_eit(2)}}});
  EXPECT_TRUE(allowed.fetch(precise(number)));
}

// ---- delete
TEST_F(SessionTest, DeleteIsAllOrNothing) {
  deliver({.forwarded = message_of({})});
  deliver();
  DeleteArgument argument;
  argument.items.value = Numbers{1};
  EXPECT_EQ(error_in<DeleteError>(session.remove(argument)).problems[0].problem, DeleteProblem::DeleteRestrictionProblem);
  EXPECT_EQ(error_in<DeleteError>(session_94.remove(argument)).problems[0].problem, DeleteProblem::NewEntrySpecified);
  ASSERT_TRUE(session.list({}));
  argument.items.value = Numbers{1, 2};
  EXPECT_EQ(error_in<DeleteError>(session.remove(argument)).problems[0].problem, DeleteProblem::ChildEntrySpecified);
  argument.items.value = Numbers{1, 77};
  EXPECT_EQ(error_in<SequenceNumberError>(session.remove(argument)).problems[0].sequence_number, 77);
  EXPECT_EQ(mailbox.entries().size(), 3U);
  argument.items.value = Numbers{1};
  EXPECT_TRUE(std::holds_alternative<asn1::Null>(session.remove(argument)->value));
  EXPECT_EQ(listed({.child_entries = true}), Numbers{3}) << "the child went with it";
  argument.items.value = Selector{};
  EXPECT_EQ(std::get<DeleteResult94>(session_94.remove(argument)->value).entries_deleted, Numbers{3});
  EXPECT_EQ(deliver(), 4) << "numbers are never used again";
}

// ---- registrations
TEST_F(SessionTest, DefaultsAreWhatIsListed) {
  deliver();
  RegisterMSArgument argument;
  argument.list_attribute_defaults = {id_hat(4), att::entry_type};
  ASSERT_TRUE(session.register_ms(argument));
  EXPECT_EQ(session.list({})->requested->at(0).attributes->size(), 2U);
  argument.list_attribute_defaults = std::vector<AttributeType>{};
  ASSERT_TRUE(session.register_ms(argument));
  EXPECT_FALSE(session.list({})->requested->at(0).attributes) << "taken back";
  argument.list_attribute_defaults = {att::content};
  EXPECT_EQ(error_in<AttributeError>(session.register_ms(argument)).problems[0].problem, AttributeProblem::InappropriateForOperation);
}

AutoActionRegistration alert_on(const std::optional<Filter>& filter, std::int64_t identifier = 1) {
  AutoAlertRegistrationParameter parameter;
  parameter.filter = filter;
  parameter.requested_attributes = attributes({id_hat(4)});
  return {id_act_auto_alert(), identifier, any(parameter)};
}

TEST_F(SessionTest, AlertsAboutWhatIsNew) {
  RegisterMSArgument argument;
  argument.auto_action_registrations = {alert_on(equals(id_att(31), any(mts::Priority::Urgent)), 7)};
  ASSERT_TRUE(session.register_ms(argument));
  deliver();
  deliver({.subject = "now", .priority = mts::Priority::Urgent});
  SequenceNumber looked_at = 0;
  const auto alerts = session.alerts(1, looked_at);
  ASSERT_EQ(alerts->size(), 1U);
  EXPECT_EQ(alerts->at(0).alert_registration_identifier, 7);
  EXPECT_EQ(value_of<asn1::TeletexString>(*alerts->at(0).new_entry, id_hat(4)), "now");
  EXPECT_EQ(looked_at, 2);
  EXPECT_EQ(status(2), RetrievalStatus::Listed);
  EXPECT_TRUE(session.alerts(3, looked_at)->empty());
  RegisterMSArgument without;
  without.auto_action_deregistrations = {{id_act_auto_alert(), 7}};
  ASSERT_TRUE(session.register_ms(without));
  EXPECT_TRUE(session.alerts(1, looked_at)->empty());
}

TEST_F(SessionTest, RegistrationsThatAreRefused) {
  RegisterMSArgument argument;
  argument.auto_action_registrations = {{asn1::Oid{1, 2, 3}, 1, {}}};
  EXPECT_EQ(error_in<AutoActionRequestError>(session.register_ms(argument)).problems[0].problem,
            AutoActionRequestProblem::UnavailableAutoActionType);
  argument.auto_action_registrations = {{id_act_auto_alert(), 1, any(true)}};
  error_in<InvalidParametersError>(session.register_ms(argument));
  argument.auto_action_registrations = {alert_on(present(asn1::Oid{1, 2, 3}))};
  error_in<AttributeError>(session.register_ms(argument));
  argument = {};
  argument.registration_status_request.emplace();
  error_in<InvalidParametersError>(session.register_ms(argument));
  EXPECT_TRUE(std::holds_alternative<RegisteredInformation>(session_94.register_ms(argument)->value));
  StoreSession small(mailbox, {.registrations = 1});
  argument = {};
  argument.auto_action_registrations = {alert_on({}, 1), alert_on({}, 2)};
  EXPECT_EQ(error_in<AutoActionRequestError>(small.register_ms(argument)).problems[0].problem,
            AutoActionRequestProblem::NotWillingToPerform);
  EXPECT_EQ(mailbox.registered().value(), RegisteredInformation{}) << "nothing was kept of any of them";
}

TEST_F(SessionTest, CredentialsAreChangedByThePort) {
  const auto verdict = [&](PasswordVerdict answer) {
    StoreSession with(mailbox, {.change_password = [answer](const auto&, const auto&) { return answer; }});
    RegisterMSArgument argument;
    argument.change_credentials.emplace();
    return with.register_ms(argument);
  };
  EXPECT_TRUE(verdict(PasswordVerdict::Changed));
  error_in<OldCredentialsIncorrectlySpecified>(verdict(PasswordVerdict::OldIsWrong));
  error_in<NewCredentialsUnacceptable>(verdict(PasswordVerdict::NewIsUnacceptable));
}

// ---- submission, modify, faults
TEST_F(SessionTest, ForwardingRequestPutsTheEntryIn) {
  const SequenceNumber number = deliver({.subject = "to be forwarded"});
  MSMessageSubmissionArgument argument;
  argument.content.octets = content_of({.subject = "fwd"});
  ASSERT_TRUE(mts::set_extension<mts::StandardExtension::ForwardingRequest>(argument.envelope.extensions, number));
  const auto prepared = session.prepare(argument);
  ASSERT_TRUE(prepared);
  EXPECT_TRUE(prepared->envelope.extensions.empty());
  const ipm::IPM sent = *asn1::decode<ipm::InformationObject>(prepared->content.octets).value().ipm();
  ASSERT_EQ(sent.body.size(), 2U);
  EXPECT_EQ(forwarded_message(sent.body[1])->data, message_of({.subject = "to be forwarded"}));
  ASSERT_TRUE(mts::set_extension<mts::StandardExtension::ForwardingRequest>(argument.envelope.extensions, 99));
  error_in<SequenceNumberError>(session.prepare(argument));
  argument.envelope.extensions.clear();
  argument.submission_options.emplace().object_entry_class = EntryClass::Draft;
  error_in<EntryClassError>(session.prepare(argument));
}

TEST_F(SessionTest, ModifyTellsThatItMayNot) {
  const SequenceNumber number = deliver();
  ModifyArgument argument;
  argument.entries.value = Numbers{number};
  EXPECT_FALSE(session_94.modify(argument)->entries_modified);
  argument.modifications.emplace_back().modification.value.emplace<1>(id_hat(4));
  EXPECT_EQ(error_in<ModifyError>(session_94.modify(argument)).failing_entry, number);
  error_in<ServiceError>(session.modify(argument));
  argument.entries.value = Numbers{99};
  error_in<SequenceNumberError>(session_94.modify(argument));
}

TEST_F(SessionTest, AFailingStorageIsAServiceError) {
  deliver();
  mailbox.failure = Error{ErrorCode::Exhausted, "full", {}};
  EXPECT_EQ(error_in<ServiceError>(session.list({})).problem, ServiceProblem::Busy);
  mailbox.failure = Error{ErrorCode::IntegrityFailed, "damaged", {}};
  EXPECT_EQ(error_in<ServiceError>(session.fetch(precise(1))).problem, ServiceProblem::Unavailable);
  EXPECT_EQ(error_in<ServiceError>(session.summarize({})).problem, ServiceProblem::Unavailable);
  EXPECT_EQ(error_in<ServiceError>(session.remove({})).problem, ServiceProblem::Unavailable);
  EXPECT_EQ(error_in<ServiceError>(session.register_ms({})).problem, ServiceProblem::Unavailable);
}

TEST_F(SessionTest, InvokeByCode) {
  deliver();
  const Reply reply = session.invoke(21, any(ListArgument{}));
  EXPECT_EQ(asn1::from_any<ListResult>(std::get<Any>(reply.value)).value().requested->size(), 1U);
  EXPECT_TRUE(std::holds_alternative<OperationError>(session.invoke(22, any(precise(9))).value));
  const auto rejected = [&](std::int64_t code, const Any& argument) {
    return std::get<Reply::Rejected>(session.invoke(code, argument).value).why;
  };
  EXPECT_EQ(rejected(21, any(true)), Reply::Rejected::Why::MistypedArgument);
  EXPECT_EQ(rejected(3, any(true)), Reply::Rejected::Why::UnrecognisedOperation) << "submission is the MTS's";
  EXPECT_EQ(rejected(26, any(true)), Reply::Rejected::Why::UnrecognisedOperation) << "1994";
}

// A page costs what its rows cost, however many there are.
TEST_F(SessionTest, PagesOfALargeMailbox) {
  const NewEntries entries = entries_of(envelope_of({}), {content_of({}), content_of({}).size()}).value();
  for (int i = 0; i < 100'000; ++i) mailbox.add(entries, {}, kNow + i);
  ListArgument argument;
  argument.selector.limit = 200;
  argument.requested_attributes = attributes({id_hat(4)});
  std::size_t seen = 0, pages = 0;
  for (std::optional<SequenceNumber> next = 0; next; ++pages) {
    argument.selector.range.emplace().value = NumberRange{next, {}};
    const std::size_t before = mailbox.rows_read;
    const auto answer = session.list(argument);
    ASSERT_TRUE(answer);
    EXPECT_LE(mailbox.rows_read - before, 201U);
    seen += answer->requested->size();
    next = answer->next;
  }
  EXPECT_EQ(seen, 100'000U);
  EXPECT_EQ(pages, 500U);
}

}  // namespace
}  // namespace postern::ms
