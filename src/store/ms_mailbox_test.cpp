// The mailbox over the database: the port's promises, secrecy at rest, and users.
#include "store/ms_mailbox.hpp"

#include <gtest/gtest.h>

#include "crypto/random.hpp"
#include "ms/oids.hpp"
#include "ms/store_session.hpp"
#include "ms/testing/samples.hpp"
#include "store/test_support.hpp"

namespace postern {
namespace {

using namespace ms::testing;
using ms::SequenceNumber;
using Numbers = std::vector<SequenceNumber>;

std::unique_ptr<Store> open_store(const std::filesystem::path& directory) {
  StoreOptions options;
  options.data_dir = directory;
  return Store::open(std::move(options)).value();
}

class MsMailboxTest : public ::testing::Test {
 protected:
  test::TemporaryDirectory directory;
  SystemClock clock;
  NonceRandom random;
  test::DiskKeeper keeper{directory.path(), clock};
  std::unique_ptr<Store> store = open_store(directory.path());
  std::unique_ptr<MsUsers> users = std::make_unique<MsUsers>(*store, *keeper, random);
  MsUser jane = users->add("jane", "C=DE;S=Jane", "secret").value();
  std::unique_ptr<MsMailbox> mailbox = MsMailbox::open(*store, *keeper, *users, jane).value();

  /// As the queue has it: nine octets in front of the content.
  SequenceNumber deliver(const Sample& sample = {}, std::int64_t time = kNow, const MsUser* user = nullptr) {
    const MsUser& owner = user != nullptr ? *user : jane;
    return deliver(sample, time, owner, users->key_of(owner).value());
  }
  SequenceNumber deliver(const Sample& sample, std::int64_t time, const MsUser& owner, const std::shared_ptr<const RowKey>& key) {
    const Bytes content = content_of(sample);
    const std::string stored = "in front:" + std::string(as_text(content));
    const MessageId message = make_message_id(WallTime{}, random);
    const SealedContent sealed = seal_content(*keeper, message, stored).value();
    MsDelivery delivery{ms::entries_of(envelope_of(sample), {content, content.size()}).value(), time, {}};
    SequenceNumber number = 0;
    EXPECT_TRUE(store->writer().transact([&](Database& database) -> Status {
      POSTERN_TRY(const ContentId id, store->contents().put(database, message, sealed, 1));
      delivery.content = MsSharedContent{id, 9, content.size()};
      POSTERN_TRY(const auto made, add_to_ms_mailbox(database, store->contents(), owner, *key, delivery));
      number = made.value_or(0);
      return store->contents().release(database, id);  // the queue lets go
    }));
    return number;
  }
  std::int64_t count(const char* sql) { return store->reader()->query_integer(sql).value().value_or(-1); }
  Numbers scanned(const ms::Scan& scan) {
    Numbers out;
    const std::vector<ms::EntryRow> rows = mailbox->scan(scan).value();
    for (const ms::EntryRow& row : rows) out.push_back(row.number);
    return out;
  }
};

TEST_F(MsMailboxTest, KeepsWhatWasDelivered) {
  const Sample sample{.subject = "Lieferung", .forwarded = message_of({})};
  const SequenceNumber number = deliver(sample);
  const auto row = mailbox->find(number).value();
  ASSERT_TRUE(row);
  EXPECT_EQ(row->children, Numbers{number + 1});
  EXPECT_EQ(row->created, kNow);
  EXPECT_EQ(row->content_length, content_of(sample).size());
  EXPECT_EQ(mailbox->content(number).value(), content_of(sample));
  EXPECT_EQ(mailbox->content(number + 1).value(), content_of(sample)) << "where the child is found by its part";
  EXPECT_EQ(mailbox->find(number + 1).value()->part, "2");
  EXPECT_FALSE(ms::PackedView(mailbox->details(number).value()).values(ms::att::message_delivery_envelope).empty());
  EXPECT_FALSE(mailbox->find(0).value());
  EXPECT_FALSE(mailbox->find(99).value());
  EXPECT_EQ(mailbox->details(99).error().code, ErrorCode::NotFound);
  EXPECT_EQ(mailbox->content(99).error().code, ErrorCode::NotFound);
}

TEST_F(MsMailboxTest, AReportHasAContentOfItsOwnOrNone) {
  const auto key = users->key_of(jane).value();
  const auto add = [&](const mts::ReportDeliveryArgument& argument) {
    MsDelivery delivery{ms::entries_of(argument).value(), kNow, {}};
    if (argument.returned_content) {
      const MessageId message = make_message_id(WallTime{}, random);
      delivery.content = MsOwnContent{message, seal_content(*keeper, message, argument.returned_content->text()).value()};
    }
    SequenceNumber number = 0;
    EXPECT_TRUE(store->writer().transact([&](Database& database) -> Status {
      POSTERN_TRY(const auto made, add_to_ms_mailbox(database, store->contents(), jane, *key, delivery));
      number = made.value_or(0);
      return {};
    }));
    return number;
  };
  const SequenceNumber with = add(report()), without = add(report(false));
  EXPECT_EQ(mailbox->content(with + 1).value(), content_of({}));
  const Numbers both{with, without};
  EXPECT_TRUE(mailbox->remove(both));
  EXPECT_EQ(count("SELECT count(*) FROM content"), 1) << "the mailbox's key";
}

TEST_F(MsMailboxTest, ScansByNumberTimeAndKind) {
  deliver({.forwarded = message_of({})}, kNow);
  deliver({}, kNow + 60);
  deliver({}, kNow + 30);  // the clock went back: never older than the one before
  EXPECT_EQ(scanned({}), (Numbers{1, 3, 4}));
  EXPECT_EQ(scanned({.children = true}), (Numbers{1, 2, 3, 4}));
  EXPECT_EQ(scanned({.limit = 2}), (Numbers{1, 3}));
  EXPECT_EQ(scanned({.from = 2, .to = 3}), Numbers{3});
  EXPECT_EQ(scanned({.created_from = kNow + 1}), (Numbers{3, 4}));
  EXPECT_EQ(scanned({.created_to = kNow + 59}), Numbers{1});
  EXPECT_EQ(scanned({.created_from = kNow + 61}), Numbers{});
  EXPECT_EQ(scanned({.created_to = kNow - 1}), Numbers{});
  EXPECT_TRUE(mailbox->scan({.attributes = false}).value().at(0).attributes.empty());
}

TEST_F(MsMailboxTest, MailboxesAreApart) {
  const MsUser john = users->add("john", "C=DE;S=John", "other").value();
  deliver();
  deliver({}, kNow, &john);
  deliver({}, kNow, &john);
  EXPECT_EQ(scanned({}), Numbers{1});
  const auto his = MsMailbox::open(*store, *keeper, *users, john).value();
  EXPECT_EQ(his->scan({}).value().size(), 2U);
  EXPECT_TRUE(his->remove(Numbers{1}));
  EXPECT_EQ(scanned({}), Numbers{1});
}

TEST_F(MsMailboxTest, StatusGrowsAndDeletionTakesEverythingAlong) {
  const SequenceNumber number = deliver({.forwarded = message_of({})});
  EXPECT_TRUE(mailbox->raise_status(Numbers{number, 99}, ms::RetrievalStatus::Processed));
  EXPECT_TRUE(mailbox->raise_status(Numbers{number}, ms::RetrievalStatus::Listed));
  EXPECT_EQ(mailbox->find(number).value()->status, ms::RetrievalStatus::Processed);
  EXPECT_TRUE(mailbox->remove(Numbers{number + 1})) << "a child does not go alone";
  EXPECT_EQ(count("SELECT count(*) FROM ms_entry"), 2);
  EXPECT_TRUE(mailbox->remove(Numbers{number, 99}));
  EXPECT_EQ(count("SELECT count(*) FROM ms_entry"), 0);
  EXPECT_EQ(count("SELECT count(*) FROM ms_details"), 0);
  EXPECT_EQ(count("SELECT count(*) FROM content"), 1);
  EXPECT_EQ(deliver(), 3) << "numbers are never used again";
}

TEST_F(MsMailboxTest, ASharedContentStaysForTheOthers) {
  const MsUser john = users->add("john", "C=DE;S=John", "other").value();
  const Bytes content = content_of({});
  const MessageId message = make_message_id(WallTime{}, random);
  const SealedContent sealed = seal_content(*keeper, message, as_text(content)).value();
  MsDelivery delivery{ms::entries_of(envelope_of({}), {content, content.size()}).value(), kNow, {}};
  ASSERT_TRUE(store->writer().transact([&](Database& database) -> Status {
    POSTERN_TRY(const ContentId id, store->contents().put(database, message, sealed, 1));
    delivery.content = MsSharedContent{id, 0, content.size()};
    for (const MsUser* each : std::initializer_list<const MsUser*>{&jane, &john})
      POSTERN_CHECK(add_to_ms_mailbox(database, store->contents(), *each, *users->key_of(*each).value(), delivery));
    return store->contents().release(database, id);
  }));
  EXPECT_TRUE(mailbox->remove(Numbers{1}));
  EXPECT_EQ(MsMailbox::open(*store, *keeper, *users, john).value()->content(1).value(), content);
}

TEST_F(MsMailboxTest, NothingOfAMessageIsReadableOnDisk) {
  deliver({.subject = "XSECRETSUBJECTX", .originator = "XSECRETNAMEX", .text = "XSECRETTEXTX"});
  ms::RegisteredInformation registered;
  registered.list_attribute_defaults.emplace().push_back(ms::id_hat(4));
  ASSERT_TRUE(mailbox->keep(registered));
  EXPECT_EQ(mailbox->registered().value(), registered);
  for (const char* marker : {"XSECRETSUBJECTX", "XSECRETNAMEX", "XSECRETTEXTX", "secret"})
    EXPECT_FALSE(test::directory_contains(directory.path(), marker)) << marker;
}

TEST_F(MsMailboxTest, AMovedOrChangedRowIsNotOpened) {
  deliver();
  deliver();
  ASSERT_TRUE(store->writer().transact([](Database& database) {
    return database.execute("UPDATE ms_entry SET attributes = (SELECT attributes FROM ms_entry WHERE id & 2147483647 = 1)");
  }));
  EXPECT_EQ(mailbox->find(2).error().code, ErrorCode::IntegrityFailed);
  EXPECT_TRUE(mailbox->find(1));
  ASSERT_TRUE(store->writer().transact([](Database& database) { return database.execute("UPDATE ms_details SET details = x'00'"); }));
  EXPECT_EQ(mailbox->details(1).error().code, ErrorCode::IntegrityFailed);
}

TEST_F(MsMailboxTest, SurvivesARestart) {
  const SequenceNumber number = deliver({.subject = "kept"});
  mailbox.reset();
  users.reset();
  store.reset();
  store = open_store(directory.path());
  users = std::make_unique<MsUsers>(*store, *keeper, random);
  ASSERT_TRUE(users->load());
  mailbox = MsMailbox::open(*store, *keeper, *users, users->find("jane").value()).value();
  EXPECT_EQ(mailbox->content(number).value(), content_of({.subject = "kept"}));
  EXPECT_TRUE(users->check("jane", as_bytes("secret")));
}

// ---- users
TEST_F(MsMailboxTest, PasswordsOfUsers) {
  EXPECT_EQ(users->check("jane", as_bytes("secret"))->id, jane.id);
  EXPECT_EQ(users->check("jane", as_bytes("wrong")).error(), users->check("nobody", as_bytes("secret")).error());
  EXPECT_EQ(users->check("jane", {}).error().code, ErrorCode::Denied);
  EXPECT_EQ(users->check("jane", as_bytes("secret" + std::string(100, 'x'))).error().code, ErrorCode::Denied);
  ASSERT_TRUE(users->set_password("jane", "newer"));
  EXPECT_FALSE(users->check("jane", as_bytes("secret")));
  EXPECT_TRUE(users->check("jane", as_bytes("newer")));
  EXPECT_EQ(users->set_password("jane", "").error().code, ErrorCode::BadInput);
  EXPECT_EQ(users->set_password("jane", std::string(63, 'x')).error().code, ErrorCode::BadInput);
  EXPECT_EQ(users->set_password("nobody", "x").error().code, ErrorCode::NotFound);
  EXPECT_EQ(users->add("jane", "again", "x").error().code, ErrorCode::Conflict);
}

TEST_F(MsMailboxTest, ARemovedUserLeavesNothing) {
  for (int i = 0; i < 3; ++i) deliver({.forwarded = message_of({})});
  const auto key = users->key_of(jane).value();
  ASSERT_TRUE(store->writer().transact([&](Database& database) { return add_ms_forward(database, jane, *key, 1, as_bytes("argument")); }));
  EXPECT_EQ(list_ms_forwards(*store, jane, *key, 10).value().at(0).argument, to_bytes("argument"));
  ASSERT_TRUE(users->remove("jane"));
  EXPECT_FALSE(users->find("jane"));
  for (const char* table : {"ms_user", "ms_entry", "ms_details", "ms_forward", "content"})
    EXPECT_EQ(count(("SELECT count(*) FROM " + std::string(table)).c_str()), 0) << table;
  EXPECT_EQ(users->remove("jane").error().code, ErrorCode::NotFound);
  EXPECT_EQ(deliver({}, kNow, jane, key), 0) << "what was on its way to him ends with him";
  EXPECT_EQ(count("SELECT count(*) FROM content"), 0);
}

TEST_F(MsMailboxTest, AnEntryIsWholeOrNotThere) {
  const Bytes content = content_of({});
  const auto key = users->key_of(jane).value();
  MsDelivery delivery{ms::entries_of(envelope_of({}), {content, content.size()}).value(), kNow, MsSharedContent{ContentId(77), 0, 1}};
  EXPECT_FALSE(store->writer().transact([&](Database& database) -> Status {
    POSTERN_CHECK(add_to_ms_mailbox(database, store->contents(), jane, *key, delivery));
    return {};
  })) << "a content that is not there";
  EXPECT_EQ(count("SELECT count(*) FROM ms_entry"), 0);
  EXPECT_EQ(deliver(), 1) << "nor was its number used";
}

}  // namespace
}  // namespace postern
