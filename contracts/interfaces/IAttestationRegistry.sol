// SPDX-License-Identifier: Apache-2.0
pragma solidity >=0.8.20;

/// @title The registry of attestations: what parties say, by signature, about what they checked
/// @notice An attestation speaks of one subject at one anchored checkpoint of one log, and names the document that
/// it rests on by its SHA-256. Anybody may attest and anybody may relay; who a signer is in the world, and whether
/// his word counts, is the reader's to know. Attestations append: a later one stands beside the earlier ones.
///
/// What it does not show: that the signer really checked, that he is independent, and that there are no
/// attestations elsewhere. See contracts/README.md.
///
/// @dev The signature is over EIP-712 typed data. The domain is
///
///     EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)
///     name "Poolproof Attestation", version "1", the chain's id, this contract
///
/// and the type, in which the verdict is a word, so that whoever signs can read it:
///
///     Attestation(bytes32 log,uint64 size,bytes32 root,string subject,string scope,uint64 rulesVersion,bytes32 evidence,string verdict,address signer,uint64 nonce,uint64 deadline)
interface IAttestationRegistry {
    // ------------------------------------------------------------------------------------------- types

    /// @notice In typed data "acknowledged", "checked" and "disputed"; None is refused.
    enum Verdict {
        None,
        Acknowledged, // has seen the evidence
        Checked, // has performed the checks of the evidence himself
        Disputed // contradicts what the log or the evidence says
    }

    /// @notice What is signed.
    struct Attestation {
        bytes32 log; // the log's id in the AnchorRegistry
        uint64 size; // an anchored size
        bytes32 root; // the root anchored there
        string subject; // as in records: pool:NAME, loan:NAME, account:NAME or log
        string scope; // what was looked at, in the signer's words
        uint64 rulesVersion; // of the pool's rules under which the evidence was made
        bytes32 evidence; // SHA-256 of the document that it rests on, such as an audit's report
        Verdict verdict;
        address signer; // an account, or a contract that answers ERC-1271
        uint64 nonce; // the signer's next
        uint64 deadline; // in seconds: the last block time at which it may be relayed
    }

    /// @notice What is held of an attestation, under its log and subject.
    struct Attested {
        address signer;
        uint64 size;
        Verdict verdict;
        uint64 rulesVersion;
        uint64 time; // of the block in which it was made, in seconds
        bytes32 root;
        bytes32 evidence;
        string scope;
    }

    // ------------------------------------------------------------------------------------------ errors

    /// @notice There is no contract at the address given as AnchorRegistry.
    error NoRegistry(address registry);
    error InvalidVerdict();
    /// @notice A subject has 1 to MAX_SUBJECT characters of printable ASCII without space.
    error InvalidSubject();
    /// @notice A scope has at most MAX_SCOPE characters of printable ASCII.
    error InvalidScope();
    error ZeroEvidence();
    error Expired(uint64 deadline, uint64 time);
    error WrongNonce(address signer, uint64 nonce, uint64 given);
    error SizeNotAnchored(bytes32 log, uint64 size);
    error WrongRoot(bytes32 log, uint64 size, bytes32 anchored, bytes32 given);
    error InvalidSignature(address signer);

    // ------------------------------------------------------------------------------------------ events

    /// @notice All that is needed to check the signature again, without this contract.
    /// @param subjectHash keccak256 of the subject, to search by
    /// @param index the place among the attestations of this log and subject, from 0
    event AttestationMade(
        bytes32 indexed log,
        bytes32 indexed subjectHash,
        address indexed signer,
        uint256 index,
        Attestation attestation,
        bytes signature
    );

    // ----------------------------------------------------------------------------------------- writing

    /// @notice Appends the attestation. Anybody may relay it.
    /// @dev Reverts unless the verdict is one, subject and scope are of their form, the evidence is not zero, the
    /// deadline has not passed, the nonce is the signer's next, `root` is the AnchorRegistry's root at `size`,
    /// and the signature is the signer's over `digestOf(attestation)`.
    /// @param signature of an account 65 bytes r || s || v, with s in the lower half and v 27 or 28; of a contract
    /// whatever its `isValidSignature` (ERC-1271) accepts
    /// @return index its place among the attestations of this log and subject
    function attest(Attestation calldata attestation, bytes calldata signature) external returns (uint256 index);

    // ----------------------------------------------------------------------------------------- reading

    /// @notice The longest subject: `account:` and 64 characters.
    function MAX_SUBJECT() external view returns (uint256);

    /// @notice The longest scope.
    function MAX_SCOPE() external view returns (uint256);

    /// @notice The AnchorRegistry whose roots count, for ever.
    function anchorRegistry() external view returns (address registry);

    /// @notice The nonce of the signer's next attestation: how many of his stand here.
    function nonceOf(address signer) external view returns (uint64 nonce);

    /// @notice How many attestations of this log and subject there are.
    function count(bytes32 log, string calldata subject) external view returns (uint256 number);

    /// @notice At most `most` of them, from place `first` on, the oldest first; fewer or none at the end.
    function page(bytes32 log, string calldata subject, uint256 first, uint256 most)
        external
        view
        returns (Attested[] memory attested);

    /// @notice What the signer signs: the EIP-712 digest on this chain and for this contract.
    function digestOf(Attestation calldata attestation) external view returns (bytes32 digest);

    /// @notice The domain, as ERC-5267 has it.
    function eip712Domain()
        external
        view
        returns (
            bytes1 fields,
            string memory name,
            string memory version,
            uint256 chainId,
            address verifyingContract,
            bytes32 salt,
            uint256[] memory extensions
        );
}

/// @notice How a contract answers for a signature (ERC-1271).
interface IERC1271 {
    /// @return magic the function's selector if the signature is the contract's own
    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4 magic);
}
