// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAttestationRegistry} from "../../contracts/interfaces/IAttestationRegistry.sol";
import {AttestationFixture, Wallet} from "./AttestationFixture.sol";

/// @dev What whole transactions cost, as in Gas.t.sol.
/// forge-config: default.isolate = true
contract AttestationGasTest is AttestationFixture {
    function test_attest() public {
        IAttestationRegistry.Attestation memory one = sample();
        attest(one);
        vm.snapshotGasLastCall("AttestationRegistry", "attest, first of signer and subject");
        one = sample();
        attest(one);
        vm.snapshotGasLastCall("AttestationRegistry", "attest, later");
        one = sample();
        one.scope =
            "all loans of the pool, replayed from every record, compared with the tape of the servicer and the bank's statements";
        attest(one);
        vm.snapshotGasLastCall("AttestationRegistry", "attest, with a scope of 115 characters");
    }

    function test_attest_by_a_contract() public {
        signer = address(new Wallet(vm.addr(KEY)));
        IAttestationRegistry.Attestation memory one = sample();
        attest(one);
        vm.snapshotGasLastCall("AttestationRegistry", "attest, first, by a contract (ERC-1271)");
    }
}
