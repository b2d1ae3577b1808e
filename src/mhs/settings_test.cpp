// [[x400_called_user]] as values, and what only this room can refuse.
#include "mhs/settings.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "store/test_support.hpp"

namespace postern::mhs {
namespace {

struct CalledUserSettings : ::testing::Test {
  CalledUserSettings() {
    std::ofstream(directory.path() / "words") << "words\n";
    config.server.hostname = "north.example";
    config.x400.domain = "C=DE;A= ;P=NORTH";
    config::X400CalledUser bob;
    bob.user = "C=DE;A= ;P=NORTH;S=Bob";
    bob.address = "p3@bob.example:102";
    bob.password_ref = "file:" + (directory.path() / "words").string();
    bob.tls = "none";
    config.x400_called_users.push_back(bob);
  }
  Result<Mta> made() const {
    // For the tokens of whoever is strong: looked at at a bind only.
    OwnTls own{{}, [](TlsVersion) { return std::function<io::SslContext()>([] { return io::SslContext(); }); }};
    return mta_of(config, own, clock);
  }
  void add_strong_user(const char* address) {
    config::X400User user;
    user.address = address;
    user.pins.push_back("sha256:" + std::string(64, '0'));
    config.x400_users.push_back(user);
  }
  test::TemporaryDirectory directory;
  SystemClock clock;
  config::Config config;
};

TEST_F(CalledUserSettings, AreAUserAnAddressAndWhatIsShown) {
  const auto mta = made();
  ASSERT_TRUE(mta) << mta.error().text();
  ASSERT_EQ(mta->called_users.size(), 1U);
  EXPECT_EQ(mta->called_users[0].address.host, "bob.example");
  EXPECT_EQ(as_text(mta->called_users[0].our_password.view()), "words");
  EXPECT_FALSE(mta->called_users[0].tls.required);
}

TEST_F(CalledUserSettings, TheSameUserIsThereOnce) {
  config.x400_called_users.push_back(config.x400_called_users[0]);
  config.x400_called_users[1].user = "/C=de/A= /P=north/S=BOB/";
  const auto mta = made();
  ASSERT_FALSE(mta);
  EXPECT_EQ(mta.error().field, "user");
  EXPECT_FALSE(check_users(config));
}

TEST_F(CalledUserSettings, AnAddressWhereNobodyCanBeCalledIsSaidBeforeTheStart) {
  config.x400_called_users[0].address = "p3@bob.example:port";
  const Status checked = check_users(config);
  ASSERT_FALSE(checked) << "postern config check";
  for (const char* word : {"[[x400_called_user]]", "S=Bob", "port"})
    EXPECT_NE(checked.error().text().find(word), std::string::npos) << checked.error().text();
  EXPECT_FALSE(made());
}

TEST_F(CalledUserSettings, WhoHasStrongCredentialsIsNotCalled) {
  add_strong_user("C=DE;A= ;P=NORTH;S=Alice");
  ASSERT_TRUE(made()) << made().error().text();
  EXPECT_TRUE(check_users(config));
  add_strong_user("/C=de/A= /P=north/S=BOB/");
  const auto mta = made();
  ASSERT_FALSE(mta);
  EXPECT_EQ(mta.error().field, "user");
  EXPECT_EQ(check_users(config).error().text(), mta.error().text()) << "postern config check";
  for (const char* word : {"[[x400_called_user]]", "S=Bob", "[[x400_user]]", "take"})
    EXPECT_NE(mta.error().text().find(word), std::string::npos) << mta.error().text();
}

}  // namespace
}  // namespace postern::mhs
