// Users and mailboxes of the database behind the ports of P3 and P7.
#include "mhs/store_users.hpp"

#include <gtest/gtest.h>

#include "crypto/random.hpp"
#include "mhs/store_mailboxes.hpp"
#include "ms/testing/samples.hpp"
#include "mts/rules_controls.hpp"
#include "oraddress/compare.hpp"
#include "oraddress/or_text.hpp"
#include "store/test_support.hpp"

namespace postern::mhs {
namespace {

oraddress::ORAddress address(const char* text) { return oraddress::parse(text).value(); }
const oraddress::ORAddress kJane = address("C=DE;A= ;P=ACME;S=Jane");
const oraddress::ORAddress kNobody = address("C=DE;A= ;P=ACME;S=Nobody");

std::unique_ptr<Store> open_store(const std::filesystem::path& directory) {
  StoreOptions options;
  options.data_dir = directory;
  return Store::open(std::move(options)).value();
}

struct StoreUsersTest : ::testing::Test {
  ms::SequenceNumber deliver() {
    const auto key = ms_users.key_of(jane).value();
    MsDelivery delivery{ms::entries_of(ms::testing::report(false)).value(), ms::testing::kNow, {}};
    ms::SequenceNumber number = 0;
    EXPECT_TRUE(store->writer().transact([&](Database& database) -> Status {
      POSTERN_TRY(const auto made, add_to_ms_mailbox(database, store->contents(), jane, *key, delivery));
      number = made.value_or(0);
      return {};
    }));
    users.delivered(jane);
    return number;
  }
  test::TemporaryDirectory directory;
  SystemClock clock;
  NonceRandom random;
  test::DiskKeeper keeper{directory.path(), clock};
  std::unique_ptr<Store> store = open_store(directory.path());
  MsUsers ms_users{*store, *keeper, random};
  MsUser jane = ms_users.add(oraddress::comparison_key(kJane), "C=DE;A= ;P=ACME;S=Jane", "secret").value();
  StoreUsers users{*store, *keeper, ms_users};
};

TEST_F(StoreUsersTest, PasswordsAreCheckedAndChanged) {
  EXPECT_TRUE(users.verify(kJane, as_bytes("secret")));
  EXPECT_TRUE(users.verify(address("c=de;a= ;p=acme;s=JANE"), as_bytes("secret")));
  EXPECT_EQ(users.verify(kJane, as_bytes("Secret")).error().code, ErrorCode::Denied);
  EXPECT_EQ(users.verify(kNobody, as_bytes("secret")).error().code, ErrorCode::Denied);
  EXPECT_EQ(users.change_password(kJane, as_bytes("wrong"), as_bytes("new one")).error().code, ErrorCode::Denied);
  EXPECT_EQ(users.change_password(kJane, as_bytes("secret"), as_bytes("")).error().code, ErrorCode::BadInput);
  EXPECT_TRUE(users.change_password(kJane, as_bytes("secret"), as_bytes("new one")));
  EXPECT_TRUE(users.verify(kJane, as_bytes("new one")));
  EXPECT_EQ(users.verify(kJane, as_bytes("secret")).error().code, ErrorCode::Denied);
  EXPECT_EQ(users.set_registration(kJane, {}).error().code, ErrorCode::Unsupported);
}

TEST_F(StoreUsersTest, AUserOfP3RegistersAndHasNoMailbox) {
  const auto john = address("C=DE;A= ;P=ACME;S=John");
  ASSERT_TRUE(ms_users.add(oraddress::comparison_key(john), "C=DE;A= ;P=ACME;S=John", "secret", DeliveredBy::P3));
  EXPECT_EQ(users.open(john).error().code, ErrorCode::NotFound);
  EXPECT_EQ(users.registration(john), mts::RegisterArgument88());
  mts::RegisterArgument88 wish;
  wish.deliverable_maximum_content_length = 1000;
  wish.default_delivery_controls = mts::nothing_permitted();
  ASSERT_TRUE(users.set_registration(john, wish));
  MsUsers later{*store, *keeper, random};  // what the next start finds
  ASSERT_TRUE(later.load());
  StoreMailboxes mailboxes{*store, *keeper, later, random};
  EXPECT_EQ(mailboxes.registration(john), wish);
  EXPECT_EQ(mailboxes.route_to(john), "x400:user:" + std::to_string(later.find(oraddress::comparison_key(john))->id));
  EXPECT_EQ(mailboxes.route_to(kJane), kStoreRoute);
  EXPECT_EQ(mailboxes.route_to(kNobody), std::nullopt);
  EXPECT_EQ(mailboxes.registration(kNobody).error().code, ErrorCode::NotFound);
}

TEST_F(StoreUsersTest, AMailboxKnowsWhatIsNew) {
  EXPECT_EQ(users.open(kNobody).error().code, ErrorCode::NotFound);
  const auto empty = users.open(kJane);
  ASSERT_TRUE(empty) << empty.error().text();
  EXPECT_EQ(empty->next, 1);
  const std::uint64_t before = empty->deliveries();
  ms::SequenceNumber newest = 0;
  for (int i = 0; i < 5; ++i) newest = deliver();
  EXPECT_EQ(empty->deliveries(), before + 5);
  const auto filled = users.open(kJane);
  EXPECT_EQ(filled->next, newest + 1);
  ASSERT_TRUE(filled->mailbox->remove(std::vector<ms::SequenceNumber>{2, 3}));
  EXPECT_EQ(users.open(kJane)->next, newest + 1);
}

}  // namespace
}  // namespace postern::mhs
