#include <gtest/gtest.h>

#include "custody/roles.hpp"

namespace postern::custody {
namespace {

std::string allowed(Role role) {
  std::string out;
  for (unsigned number = 1; number <= static_cast<unsigned>(Call::DatabaseKey); ++number) {
    const auto call = static_cast<Call>(number);
    if (RoleTable::product().allows(role, call, "any_key")) out += name_of(call) + " ";
  }
  return out;
}

// The table in words: a change of it must show here.
TEST(Roles, WhatEachMayDo) {
  EXPECT_EQ(allowed(Role::Gate),
            "create describe list rotate configure remove public_key sign verify mac encrypt decrypt new_data_key unwrap_data_key "
            "rewrap_data_key "
            "decrypt_oaep decrypt_pkcs1 agree openpgp_create openpgp_certificate openpgp_sign_detached openpgp_sign_encrypt "
            "openpgp_decrypt ensure vault condition database_key ");
  EXPECT_EQ(allowed(Role::Observer), "describe list public_key openpgp_certificate condition ");
}

TEST(Roles, WhatARoleMayNotDoIsSaid) {
  const Status status = RoleTable::product().check(Role::Observer, Call::Remove, "mail_storage_key");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::Denied);
  EXPECT_NE(status.error().what.find("role observer may not do remove with the key mail_storage_key"), std::string::npos)
      << status.error().what;
}

TEST(Roles, KeysByNameAndByBeginning) {
  static constexpr Call calls[] = {Call::Sign, Call::List};
  static constexpr std::string_view keys[] = {"dkim_key", "tenant-a-*"};
  static constexpr Grant grants[] = {{Role::Gate, calls, keys}};
  const RoleTable table(grants);
  EXPECT_TRUE(table.allows(Role::Gate, Call::Sign, "dkim_key"));
  EXPECT_FALSE(table.allows(Role::Gate, Call::Sign, "dkim_key2"));
  EXPECT_TRUE(table.allows(Role::Gate, Call::Sign, "tenant-a-x"));
  EXPECT_FALSE(table.allows(Role::Gate, Call::Sign, "tenant-b-x"));
  EXPECT_FALSE(table.allows(Role::Gate, Call::Mac, "dkim_key"));
  EXPECT_FALSE(table.allows(Role::Observer, Call::Sign, "dkim_key"));
  EXPECT_TRUE(table.allows(Role::Gate, Call::List, ""));
  EXPECT_FALSE(table.allows(static_cast<Role>(7), Call::Sign, "dkim_key"));
}

}  // namespace
}  // namespace postern::custody
