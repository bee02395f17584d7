// An actor: an object whose methods never run at the same moment, without a lock.
//
//     class Account:
//         async def deposit(self, amount):
//             before = self.balance           # nobody else runs until the next await
//             self.balance = before + amount
//
// In asyncio that holds for all code. Here it holds for what runs on one Strand, while everything else uses the other cores.
#include <weft/weft.hpp>

#include <iostream>
#include <stdexcept>
#include <utility>
#include <vector>

class Account {
 public:
  weft::Task<void> deposit(int amount) { return strand_.create_task(do_deposit(amount)); }
  weft::Task<int> withdraw(int amount) { return strand_.create_task(do_withdraw(amount)); }

 private:
  weft::Coro<> do_deposit(int amount) {
    int const before = balance_;
    balance_ = before + amount;
    co_return;
  }
  weft::Coro<int> do_withdraw(int amount) {
    if (amount > balance_) throw std::domain_error("not enough money");
    balance_ -= amount;
    co_return balance_;
  }

  weft::Strand strand_;
  int balance_ = 0;  // touched on strand_ only
};

weft::Coro<> customer(Account& account) {
  for (int i = 0; i < 100; ++i) co_await account.deposit(1);
}

weft::Coro<> amain() {
  Account account;
  std::vector<weft::Coro<>> customers;
  for (int i = 0; i < 50; ++i) customers.push_back(customer(account));
  co_await weft::gather(std::move(customers));

  int const left = co_await account.withdraw(4000);
  std::cout << "left: " << left << '\n';
  try {
    co_await account.withdraw(4000);
  } catch (std::domain_error const& error) {
    std::cout << error.what() << '\n';
  }
}

int main() { weft::run(amain()); }
