// For tests: users of the store of testing/stores.hpp, over loopback.
#pragma once

#include <gtest/gtest.h>

#include "mhs/p7_client.hpp"
#include "mhs/testing/stores.hpp"
#include "ms/oids.hpp"

namespace postern::mhs::testing {

struct P7Node : ::testing::Test, StoreNode {
  UserCall call(const char* user, const char* password, bool reliable = false) const {
    UserCall out;
    out.address = {{}, {}, {}, "127.0.0.1", node.port};
    out.user = name_of(user);
    out.password = SecretBytes::from_text(password);
    out.reliable = reliable;
    out.tls.required = false;
    return out;
  }
  Called<std::unique_ptr<P7Client>> open(UserCall with) {
    return run(P7Client::open(std::move(with), node.resolver, io::testing::soon(), {}));
  }
  std::unique_ptr<P7Client> opened(bool reliable = false) {
    auto client = open(call(kAlice, "secret of alice", reliable));
    EXPECT_TRUE(client) << (client ? "" : client.error().text);
    return client ? *std::move(client) : nullptr;
  }
  template <class T>
  T run(io::Task<T> task) {
    return node.loops->run(std::move(task));
  }
  Result<ms::FetchResult> fetch(P7Client& client, ms::SequenceNumber number) {
    ms::FetchArgument argument;
    argument.item.value.emplace<ms::SequenceNumber>(number);
    argument.requested_attributes = ms::EntryInformationSelection{{ms::att::content, std::nullopt, std::nullopt}};
    return run(client.fetch(std::move(argument), io::testing::soon()));
  }
};

}  // namespace postern::mhs::testing
